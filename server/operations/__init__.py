"""Operations: work that takes long, asked for by a call, and done in a process of its own.

    start    a row is committed, then a process is spawned: a session of its own, a lower priority, acting as the operator who asked
    running  the process holds the lock of its operation, and writes its progress into a file beside it
    ended    its result, or its error, is committed

The process goes on when the service ends. Where it is gone and nothing is committed, the operation was interrupted, or cancelled if a
person asked for that: what it has done stays, and `resume` goes on from there. It knows neither the command line nor gRPC.
"""
