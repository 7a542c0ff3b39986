"""Several targets in one account: a row each, on a terminal, as JSON, and for the pages."""

from gruverify.reporting.targets._accuracy import load_accuracies as load_accuracies
from gruverify.reporting.targets._accuracy import with_accuracies as with_accuracies
from gruverify.reporting.targets._console import print_row as print_row
from gruverify.reporting.targets._console import print_rows as print_rows
from gruverify.reporting.targets._console import rows_in_words as rows_in_words
from gruverify.reporting.targets._json import SCHEMA as SCHEMA
from gruverify.reporting.targets._json import load_outcomes as load_outcomes
from gruverify.reporting.targets._json import merged_outcomes as merged_outcomes
from gruverify.reporting.targets._json import targets_document as targets_document
from gruverify.reporting.targets._json import targets_schema as targets_schema
from gruverify.reporting.targets._markdown import rows_table as rows_table
from gruverify.reporting.targets._row import NOT_ASKED as NOT_ASKED
from gruverify.reporting.targets._row import FamilyMargin as FamilyMargin
from gruverify.reporting.targets._row import Outcome as Outcome
from gruverify.reporting.targets._row import Row as Row
from gruverify.reporting.targets._row import Worst as Worst
from gruverify.reporting.targets._row import outcome_of as outcome_of
from gruverify.reporting.targets._row import outcome_of_model as outcome_of_model
from gruverify.reporting.targets._row import unasked as unasked
