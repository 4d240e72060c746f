"""Ask consentd before collecting: the client library for Python, over libconsent.so.1.

    from consent import Consent

    with Consent() as consent:
        decision = consent.check("location.services", "location.precise")
        if decision:
            ...  # collect
        print(decision)

An interpreter is no identity: a script needs one of its own (a sandbox, a system user, a unit, a scope).
A decision is true where it allows, and false else. What goes wrong denies; a question that is wrong raises
ConsentError, which says what to do.
"""

import ctypes
import os
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint, c_uint32, c_uint64, c_void_p

__all__ = ["Consent", "ConsentError", "Decision"]

_MOST_ITEMS = 256


class _Context(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("recipient", c_char_p),
        ("destination", c_char_p),
        ("tag", c_char_p),
        ("secure", c_int),
        ("deidentified", c_int),
        ("deadline", c_uint),
    ]


def _load():
    library = ctypes.CDLL(os.environ.get("CONSENT_LIBRARY", "libconsent.so.1"))

    def declare(name, result, *arguments):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments

    several = (c_void_p, c_int, POINTER(c_int), c_size_t)
    declare("consent_open", c_int, POINTER(c_void_p))
    declare("consent_open_at", c_int, c_char_p, POINTER(c_void_p))
    declare("consent_close", None, c_void_p)
    declare("consent_purpose", c_int, c_void_p, c_char_p)
    declare("consent_data", c_int, c_void_p, c_char_p)
    declare("consent_check", c_uint32, c_void_p, c_int, c_int)
    declare("consent_check_all", c_int, *several, POINTER(c_uint32))
    declare("consent_check_with", c_int, *several, POINTER(_Context), POINTER(c_uint32))
    declare("consent_request", c_int, *several, POINTER(_Context), POINTER(c_uint32))
    declare("consent_changed_fd", c_int, c_void_p)
    declare("consent_changed_read", c_int, c_void_p, POINTER(c_uint64))
    declare("consent_is_allowed", c_int, c_uint32)
    declare("consent_decision", c_int, c_uint32)
    declare("consent_reason", c_char_p, c_uint32)
    declare("consent_refusal", c_char_p, c_uint32)
    declare("consent_strerror", c_char_p, c_int)
    return library


_library = _load()


class ConsentError(Exception):
    """What is wrong and what to do about it. `code` is consent.h's."""

    def __init__(self, code):
        super().__init__(_library.consent_strerror(code).decode())
        self.code = code


def _checked(code):
    if code < 0:
        raise ConsentError(code)
    return code


class Decision:
    """One answer: outcome ("allow", "deny", "ask"), reason, refusal. True where it allows."""

    __slots__ = ("_bits",)

    def __init__(self, bits):
        self._bits = bits

    @property
    def is_allowed(self):
        return bool(_library.consent_is_allowed(self._bits))

    __bool__ = is_allowed.fget

    @property
    def outcome(self):
        return ("deny", "allow", "ask")[_library.consent_decision(self._bits)]

    @property
    def reason(self):
        return _library.consent_reason(self._bits).decode()

    @property
    def refusal(self):
        """What to use instead: "zero-uuid", "empty", "none", "approximate"; "" where it allows."""
        return _library.consent_refusal(self._bits).decode()

    def __eq__(self, other):
        return isinstance(other, Decision) and self._bits == other._bits

    def __hash__(self):
        return hash(self._bits)

    def __str__(self):
        return f"{self.outcome} because {self.reason}"

    def __repr__(self):
        return f"<Decision {self}>"


class Consent:
    """An app's way to consentd: on the system bus, or on the bus at a D-Bus address."""

    def __init__(self, address=None):
        self._handle = c_void_p()
        self._purposes, self._items = {}, {}
        if address is None:
            _checked(_library.consent_open(byref(self._handle)))
        else:
            _checked(_library.consent_open_at(address.encode(), byref(self._handle)))

    def close(self):
        """Closes it; every check from here on denies."""
        _library.consent_close(self._handle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if _library is not None and getattr(self, "_handle", None):
            self.close()

    def check(self, purpose, data):
        """May the app take this, for this purpose, now?"""
        return Decision(_library.consent_check(self._handle, self._purpose(purpose), self._data(data)))

    def check_all(self, purpose, data):
        """The same about several items together, all of one moment: a list of decisions."""
        return self._several(_library.consent_check_all, purpose, data)

    def check_with(self, purpose, data, **context):
        """The same with a context: recipient, destination, tag, secure, deidentified."""
        return self._several(_library.consent_check_with, purpose, data, _context(context))

    def request(self, purpose, data, **context):
        """The same, but what asks is put to the user: deadline seconds, 20 if not given."""
        return self._several(_library.consent_request, purpose, data, _context(context))

    def changed_fd(self):
        """A descriptor that is readable when decisions may have changed."""
        return _checked(_library.consent_changed_fd(self._handle))

    def changed(self):
        """The newest generation if there is a new one, else None."""
        generation = c_uint64()
        new = _checked(_library.consent_changed_read(self._handle, byref(generation)))
        return generation.value if new else None

    def _several(self, ask, purpose, data, *context):
        count = len(data)
        if count > _MOST_ITEMS:
            raise ValueError(f"{count} items are more than {_MOST_ITEMS}")
        items = (c_int * count)(*(self._data(item) for item in data))
        decisions = (c_uint32 * count)()
        _checked(ask(self._handle, self._purpose(purpose), items, count, *context, decisions))
        return [Decision(bits) for bits in decisions]

    def _purpose(self, name):
        return _number(self._purposes, _library.consent_purpose, self._handle, name)

    def _data(self, name):
        return _number(self._items, _library.consent_data, self._handle, name)


def _number(known, ask, handle, name):
    number = known.get(name)
    if number is None:
        number = known[name] = _checked(ask(handle, name.encode()))
    return number


def _context(words):
    context = _Context(size=ctypes.sizeof(_Context))
    for key, value in words.items():
        if key not in dict(_Context._fields_) or key == "size":
            raise TypeError(f"a context has no {key}")
        if isinstance(value, bool):
            value = 1 if value else -1
        setattr(context, key, value.encode() if isinstance(value, str) else value)
    return byref(context)
