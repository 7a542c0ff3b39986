"""Certificates that a GRU forgets where it started, which a second checker confirms."""

from gruverify.certifying._certificate import Certificate as Certificate
from gruverify.certifying._certificate import certificate_of as certificate_of
from gruverify.certifying._checker import Refuted as Refuted
from gruverify.certifying._checker import check_certificate as check_certificate
from gruverify.certifying._jacobian import JacobianBound as JacobianBound
from gruverify.certifying._jacobian import jacobian_bound as jacobian_bound
from gruverify.certifying._ranges import Floats as Floats
from gruverify.certifying._rounding import rounding_bound as rounding_bound
