"""Campaigns: units of cases on many workers, each a pure function of its key, merged as they come
in.
"""

from gruverify.campaigning._campaign import Campaign as Campaign
from gruverify.campaigning._campaign import Ending as Ending
from gruverify.campaigning._campaign import Progress as Progress
from gruverify.campaigning._causes import Cause as Cause
from gruverify.campaigning._causes import causes_of as causes_of
from gruverify.campaigning._cluster import Cluster as Cluster
from gruverify.campaigning._cluster import require_dask as require_dask
from gruverify.campaigning._database import BadDatabase as BadDatabase
from gruverify.campaigning._database import database_at as database_at
from gruverify.campaigning._guide import RARE as RARE
from gruverify.campaigning._guide import aims_for as aims_for
from gruverify.campaigning._guide import rounds_of as rounds_of
from gruverify.campaigning._known import BadKnown as BadKnown
from gruverify.campaigning._known import Known as Known
from gruverify.campaigning._known import known_causes as known_causes
from gruverify.campaigning._known import marked as marked
from gruverify.campaigning._known import stale as stale
from gruverify.campaigning._news import BadCommand as BadCommand
from gruverify.campaigning._news import News as News
from gruverify.campaigning._news import command_of as command_of
from gruverify.campaigning._subject import Subject as Subject
from gruverify.campaigning._subject import subject_of as subject_of
from gruverify.campaigning._total import Total as Total
from gruverify.campaigning._unit import Task as Task
from gruverify.campaigning._unit import Unit as Unit
from gruverify.campaigning._unit import work as work
from gruverify.campaigning._verdict import verdict_of as verdict_of
from gruverify.campaigning._workers import Done as Done
from gruverify.campaigning._workers import Failed as Failed
from gruverify.campaigning._workers import NoWorkers as NoWorkers
from gruverify.campaigning._workers import OtherWorker as OtherWorker
from gruverify.campaigning._workers import Workers as Workers
