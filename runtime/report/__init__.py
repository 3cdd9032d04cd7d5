"""`report.html`: one self-contained page of a run, made from the files of its folder."""
