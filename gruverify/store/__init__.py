"""Runs that outlive the process: a store is one SQLite file of them, to go on with and to
compare.
"""

from gruverify.store._campaigns import CampaignSummary as CampaignSummary
from gruverify.store._campaigns import KeptCampaign as KeptCampaign
from gruverify.store._campaigns import KeptUnit as KeptUnit
from gruverify.store._campaigns import campaigns_of as campaigns_of
from gruverify.store._examples import StoreDatabase as StoreDatabase
from gruverify.store._file import SCHEMA as SCHEMA
from gruverify.store._file import BadStore as BadStore
from gruverify.store._file import File as File
from gruverify.store._keeping import Kept as Kept
from gruverify.store._keeping import OtherRun as OtherRun
from gruverify.store._listing import Run as Run
from gruverify.store._listing import document_of as document_of
from gruverify.store._listing import runs_of as runs_of
