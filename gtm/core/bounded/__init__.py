"""Work that a request asks for, in processes of its own, within limits of time, memory and output.

``work`` is the door. ``place`` keeps half of the threads of a web process free of such work.
"""
