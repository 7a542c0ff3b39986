"""Renderings of a result: one consumer a file."""

from gruverify.reporting._catalogue import catalogue_page as catalogue_page
from gruverify.reporting._catalogue import print_catalogue as print_catalogue
from gruverify.reporting._console import console_for as console_for
from gruverify.reporting._console import gates_line as gates_line
from gruverify.reporting._console import print_header as print_header
from gruverify.reporting._console import print_result as print_result
from gruverify.reporting._folder import BadFolder as BadFolder
from gruverify.reporting._folder import require_folder as require_folder
from gruverify.reporting._folder import write_report as write_report
from gruverify.reporting._json import document as document
from gruverify.reporting._json import dumps as dumps
from gruverify.reporting._junit import junit as junit
from gruverify.reporting._markdown import markdown as markdown
from gruverify.reporting._needs import ReportUnavailable as ReportUnavailable
from gruverify.reporting._needs import require_packages as require_packages
from gruverify.reporting._outlook import print_outlook as print_outlook
from gruverify.reporting._progress import LiveProgress as LiveProgress
from gruverify.reporting._reader import BadResult as BadResult
from gruverify.reporting._reader import Document as Document
from gruverify.reporting._reader import load_document as load_document
from gruverify.reporting._reader import parse_document as parse_document
from gruverify.reporting._reader import schema as schema
from gruverify.reporting.page import comparison_page as comparison_page
from gruverify.reporting.page import result_page as result_page
