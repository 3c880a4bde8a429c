"""What is asked before an act is sealed: may this be done, now?"""
