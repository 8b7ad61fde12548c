// What a program needs beside this module to call Tallystick: it imports TallyClient and nothing else.
//
// By name, since the modules hold more, whose names would stand in the way of the program's own.

@_exported public import enum TTRPC.MethodKind
@_exported public import enum TTRPC.StatusCode
@_exported public import enum TallyMessages.DecodeError
@_exported public import enum TallyMessages.GrpcHealthV1
@_exported public import protocol TallyMessages.Message
@_exported public import struct TallyMessages.RPC
@_exported public import enum TallyMessages.RPCKind
@_exported public import enum TallyMessages.TallystickV1
