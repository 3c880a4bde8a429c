"""What can be done to a node, whatever the door: authorise, validate, decide, commit.

A command takes the caller and the contract's request, and answers once the act is durable. Whether the caller may
call the method at all was asked before (``identity.access``); what it may do with *this* thing is asked here. The
decision is taken on the writer's thread, inside the transaction that seals it, so nothing can come in between.
A file a subject; what is done inside the transaction stands in ``notice_sealing`` and ``framework_sealing``.
"""
