"""Renderings of the kill matrix: one consumer a file."""

from gruverify.reporting.matrix._html import matrix_html as matrix_html
from gruverify.reporting.matrix._json import decode_matrix as decode_matrix
from gruverify.reporting.matrix._json import matrix_document as matrix_document
from gruverify.reporting.matrix._markdown import matrix_page as matrix_page
from gruverify.reporting.matrix._markdown import table as table
from gruverify.reporting.matrix._text import MatrixProgress as MatrixProgress
from gruverify.reporting.matrix._text import print_bank as print_bank
from gruverify.reporting.matrix._text import print_matrix as print_matrix
