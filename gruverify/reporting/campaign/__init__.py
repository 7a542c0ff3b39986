"""A campaign: as JSON, and on a terminal while it goes on and when it is over."""

from gruverify.reporting.campaign._console import CampaignView as CampaignView
from gruverify.reporting.campaign._console import print_campaign as print_campaign
from gruverify.reporting.campaign._console import print_causes as print_causes
from gruverify.reporting.campaign._document import campaign_document as campaign_document
from gruverify.reporting.campaign._document import first_seen as first_seen
