"""Renders templates with Jinja2 itself, set up as Hugging Face's apply_chat_template sets it up.

One JSON object {"template": ..., "vars": {...}} per line comes in. For each goes out a line with one of
  {"out": the text}  {"raised": the message of raise_exception}  {"syntax": why}  {"error": why}
"""

import datetime
import json
import sys
import warnings

import jinja2
import jinja2.ext
import jinja2.sandbox

# What the clock of strftime_now says: the tests have the same.
NOW = datetime.datetime(2025, 7, 4, 9, 5, 7)


class Raised(Exception):
    """What raise_exception raises."""


class Generation(jinja2.ext.Extension):
    """{% generation %} marks what a model said, for training: its body is rendered as it is."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("mark"), [], [], body).set_lineno(line)

    def mark(self, caller):
        return caller()


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def raise_exception(message):
    raise Raised(message)


def environment(optimized):
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols], optimized=optimized
    )
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    return env


def compiled(source):
    try:
        return ENV.from_string(source)
    except (jinja2.TemplateSyntaxError, SyntaxError, RecursionError):
        raise
    except Exception:
        # The optimizer works out constants beforehand, and falls over those that fail.
        return PLAIN.from_string(source)


def render(case):
    try:
        template = compiled(case["template"])
    except (jinja2.TemplateSyntaxError, SyntaxError, RecursionError, OverflowError) as e:
        return {"syntax": str(e)}
    try:
        return {"out": template.render(**case["vars"])}
    except Raised as e:
        return {"raised": str(e)}
    except Exception as e:
        return {"error": f"{type(e).__name__}: {e}"}


warnings.simplefilter("ignore")
ENV = environment(optimized=True)
PLAIN = environment(optimized=False)
for line in sys.stdin:
    sys.stdout.write(json.dumps(render(json.loads(line))) + "\n")
