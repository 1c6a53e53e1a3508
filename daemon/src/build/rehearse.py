"""Sends a daemon the requests whose classes its start-up cache should hold.

usage: rehearse.py BASE_URL
"""

import json
import sys
import urllib.error
import urllib.request


def send(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(sys.argv[1] + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as response:
            response.read()
    except urllib.error.HTTPError as refused:
        refused.read()


messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 12 + 35?"}]
send("/health")
send("/v1/models")
send("/v1/chat/completions", {"messages": messages})
send("/v1/chat/completions", {"messages": messages, "stream": True, "stop": ["47"], "temperature": 0.7, "seed": 1})
send("/v1/chat/completions", {"messages": []})
