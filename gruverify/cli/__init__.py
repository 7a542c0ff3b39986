"""The command line. Nothing heavy is imported until a command runs, so that --help is there at
once.
"""

from gruverify.cli._main import main as main
