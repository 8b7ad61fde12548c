// Command grpc is a peer of the echo benchmark: grpc-go, over HTTP/2 on a Unix socket.
//
// The message is returned without being parsed, which is in the server's favour.
package main

import (
	"context"
	"log"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
)

// echo is any message, as its bytes.
type echo struct {
	bytes []byte
}

// rawCodec takes the place of protobuf's.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(message interface{}) ([]byte, error) {
	return message.(*echo).bytes, nil
}

func (rawCodec) Unmarshal(bytes []byte, message interface{}) error {
	message.(*echo).bytes = append([]byte(nil), bytes...)
	return nil
}

func handle(_ interface{}, _ context.Context, decode func(interface{}) error,
	_ grpc.UnaryServerInterceptor) (interface{}, error) {
	message := new(echo)
	err := decode(message)
	return message, err
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: peer-grpc SOCKET")
	}
	encoding.RegisterCodec(rawCodec{})
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "tallystick.testing.v1.Conformance",
		HandlerType: (*interface{})(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Echo", Handler: handle}},
	}, nil)
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(server.Serve(listener))
}
