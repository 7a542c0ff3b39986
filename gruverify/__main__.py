"""python -m gruverify."""

from gruverify.cli import main

main(prog_name="gruverify")
