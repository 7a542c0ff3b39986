"""What `gruverify diagnose` found: on a terminal, and as JSON values."""

from gruverify.reporting.diagnosis._document import diagnosis_document as diagnosis_document
from gruverify.reporting.diagnosis._document import diagnosis_schema as diagnosis_schema
from gruverify.reporting.diagnosis._text import print_diagnosis as print_diagnosis
