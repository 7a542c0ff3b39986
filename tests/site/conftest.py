"""The browser of the tests of reports, for the pages of the site."""

from tests.reporting.conftest import browser as browser
