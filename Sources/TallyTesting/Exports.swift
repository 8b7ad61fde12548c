// What a test needs beside this module: it imports TallyTesting and nothing else.

@_exported public import TallyClient

@_exported public import enum TallyMessages.TallystickTestingV1
