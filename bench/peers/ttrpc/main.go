// Command ttrpc is a peer of the echo benchmark: containerd's Go server, on the same frames.
//
// The message is returned without being parsed, which is in the server's favour.
package main

import (
	"context"
	"log"
	"net"
	"os"

	"github.com/containerd/ttrpc"
)

// echo is any message, as its bytes.
type echo struct {
	bytes []byte
}

func (e *echo) Reset()                   { e.bytes = nil }
func (e *echo) String() string           { return "echo" }
func (e *echo) ProtoMessage()            {}
func (e *echo) Marshal() ([]byte, error) { return e.bytes, nil }
func (e *echo) Unmarshal(bytes []byte) error {
	e.bytes = append(e.bytes[:0], bytes...)
	return nil
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: peer-ttrpc SOCKET")
	}
	server, err := ttrpc.NewServer()
	if err != nil {
		log.Fatal(err)
	}
	server.Register("tallystick.testing.v1.Conformance", map[string]ttrpc.Method{
		"Echo": func(_ context.Context, unmarshal func(interface{}) error) (interface{}, error) {
			message := new(echo)
			err := unmarshal(message)
			return message, err
		},
	})
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(server.Serve(context.Background(), listener))
}
