"""Cases for tests in other languages: inputs, expected values and gradients, and a bound for every
number.
"""

from gruverify.exporting._boundary import boundary_cases as boundary_cases
from gruverify.exporting._cases import Exported as Exported
from gruverify.exporting._cases import exported_cases as exported_cases
from gruverify.exporting._expected import Expected as Expected
from gruverify.exporting._expected import expected as expected
from gruverify.exporting._masked import masked_cases as masked_cases
from gruverify.exporting._masked import masked_stack_cases as masked_stack_cases
from gruverify.exporting._node_tests import NodeTest as NodeTest
from gruverify.exporting._node_tests import node_tests as node_tests
from gruverify.exporting._own import own_cases as own_cases
from gruverify.exporting._webnn import WEBNN_FORMATS as WEBNN_FORMATS
from gruverify.exporting._webnn import webnn_document as webnn_document
from gruverify.exporting._webnn import webnn_files as webnn_files
from gruverify.exporting._webnn import webnn_tests as webnn_tests
from gruverify.exporting._written import CASE_SCHEMA as CASE_SCHEMA
from gruverify.exporting._written import KINDS as KINDS
from gruverify.exporting._written import case_document as case_document
from gruverify.exporting._written import files_of as files_of
from gruverify.exporting._written import index_document as index_document
from gruverify.exporting._written import listed as listed
