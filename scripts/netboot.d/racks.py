"""The modules of scripts/rack, which are in another directory."""

import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "rack.d"))

import dnsmasq  # noqa: E402,F401
import running  # noqa: E402,F401
import settings  # noqa: E402,F401
import writing  # noqa: E402,F401
from problem import Problem  # noqa: E402,F401
