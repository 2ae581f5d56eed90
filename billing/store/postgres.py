"""stub"""
import contextlib
@contextlib.contextmanager
def explained(connection):
    yield
