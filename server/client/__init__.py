"""A client of the service in Python: usage, accounts, tariffs, bill runs and finance.

`Switch` sends usage, and `Suspense` decides about what could not be used. `Accounts` changes accounts, and `Operator` runs bills and keeps
tariffs. `Finance` reads invoices, records payments and runs dunning.

    with Connection("billing.example.net:50051", token_file="keys/finance-1.token", ca="keys/ca.pem") as connection:
        for invoice in Finance(connection).invoices():
            print(invoice.number)

It imports the generated code in `ratewright.v1` and gRPC, and nothing else of Ratewright: a contract in pyproject.toml holds it to that.
"""

from server.client.accounts import Accounts
from server.client.connection import Connection
from server.client.errors import CallError
from server.client.finance import Finance
from server.client.operator import Operator
from server.client.retries import Retries
from server.client.suspense import Suspense
from server.client.switch import COUNTS, Progress, Switch
from server.client.tariffs import tariff_files
from server.client.values import date, day, micros, money, timestamp

__all__ = [
    "COUNTS",
    "Accounts",
    "CallError",
    "Connection",
    "Finance",
    "Operator",
    "Progress",
    "Retries",
    "Suspense",
    "Switch",
    "date",
    "day",
    "micros",
    "money",
    "tariff_files",
    "timestamp",
]
