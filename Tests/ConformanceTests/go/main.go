// Calls the conformance service with the stock ttrpc client for Go, which knows unary calls.
//
// Prints one line a case, "ok NAME" or "FAIL NAME: why", and exits with 1 if any failed. Built in
// GOPATH mode against Debian's golang-github-containerd-ttrpc-dev:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run main.go SOCKET
package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/containerd/ttrpc"
	"github.com/gogo/protobuf/proto"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const service = "tallystick.testing.v1.Conformance"

// How long a case may take: however busy the machine is, it ends before.
const patience = 5 * time.Minute

type echo struct {
	Text   string `protobuf:"bytes,1,opt,name=text,proto3"`
	Number int64  `protobuf:"varint,2,opt,name=number,proto3"`
	Body   []byte `protobuf:"bytes,3,opt,name=body,proto3"`
}

func (m *echo) Reset()         { *m = echo{} }
func (m *echo) String() string { return proto.CompactTextString(m) }
func (*echo) ProtoMessage()    {}

type fail struct {
	Code    int32  `protobuf:"varint,1,opt,name=code,proto3"`
	Message string `protobuf:"bytes,2,opt,name=message,proto3"`
}

func (m *fail) Reset()         { *m = fail{} }
func (m *fail) String() string { return proto.CompactTextString(m) }
func (*fail) ProtoMessage()    {}

type sleep struct {
	Millis int64 `protobuf:"varint,1,opt,name=millis,proto3"`
}

func (m *sleep) Reset()         { *m = sleep{} }
func (m *sleep) String() string { return proto.CompactTextString(m) }
func (*sleep) ProtoMessage()    {}

type pair struct {
	Key   string `protobuf:"bytes,1,opt,name=key,proto3"`
	Value string `protobuf:"bytes,2,opt,name=value,proto3"`
}

func (m *pair) Reset()         { *m = pair{} }
func (m *pair) String() string { return proto.CompactTextString(m) }
func (*pair) ProtoMessage()    {}

type inspect struct {
	Metadata     []*pair `protobuf:"bytes,1,rep,name=metadata,proto3"`
	TimeoutNanos int64   `protobuf:"varint,2,opt,name=timeout_nanos,proto3"`
	UID          uint32  `protobuf:"varint,3,opt,name=uid,proto3"`
	GID          uint32  `protobuf:"varint,4,opt,name=gid,proto3"`
	PID          int32   `protobuf:"varint,5,opt,name=pid,proto3"`
}

func (m *inspect) Reset()         { *m = inspect{} }
func (m *inspect) String() string { return proto.CompactTextString(m) }
func (*inspect) ProtoMessage()    {}

func expect(err error, code codes.Code, text string) error {
	if got := status.Code(err); got != code {
		return fmt.Errorf("status %v, not %v: %v", got, code, err)
	}
	if !strings.Contains(err.Error(), text) {
		return fmt.Errorf("%q does not say %q", err, text)
	}
	return nil
}

func echoes(ctx context.Context, client *ttrpc.Client, request *echo) error {
	var reply echo
	if err := client.Call(ctx, service, "Echo", request, &reply); err != nil {
		return err
	}
	if reply.Text != request.Text || reply.Number != request.Number || !bytes.Equal(reply.Body, request.Body) {
		return fmt.Errorf("the reply differs from the request")
	}
	return nil
}

func cases(client *ttrpc.Client) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"empty_unary": func(ctx context.Context) error { return echoes(ctx, client, &echo{}) },
		"echo": func(ctx context.Context) error {
			return echoes(ctx, client, &echo{Text: "naïve ☺", Number: -1})
		},
		"large_unary": func(ctx context.Context) error {
			return echoes(ctx, client, &echo{Body: bytes.Repeat([]byte{7}, 3<<20)})
		},
		"status_code_and_message": func(ctx context.Context) error {
			for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
				request := &fail{Code: int32(code), Message: "special ☺ 😈"}
				err := client.Call(ctx, service, "Fail", request, &echo{})
				if err := expect(err, code, "special ☺ 😈"); err != nil {
					return err
				}
			}
			return nil
		},
		"unimplemented_method": func(ctx context.Context) error {
			err := client.Call(ctx, service, "NoSuch", &echo{}, &echo{})
			return expect(err, codes.Unimplemented, "NoSuch")
		},
		"unimplemented_service": func(ctx context.Context) error {
			err := client.Call(ctx, "no.such.Service", "Echo", &echo{}, &echo{})
			return expect(err, codes.Unimplemented, "no.such.Service")
		},
		"timeout_on_sleeping_server": func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			err := client.Call(ctx, service, "Sleep", &sleep{Millis: 60000}, &echo{})
			if err == nil {
				return fmt.Errorf("the call succeeded")
			}
			// The client's own clock or the server's: whichever was first.
			if err != context.DeadlineExceeded {
				return expect(err, codes.DeadlineExceeded, "")
			}
			return nil
		},
		"custom_metadata": func(ctx context.Context) error {
			md := ttrpc.MD{}
			md.Set("k", "first", "second")
			ctx, cancel := context.WithTimeout(ttrpc.WithMetadata(ctx, md), patience)
			defer cancel()
			var reply inspect
			if err := client.Call(ctx, service, "Inspect", &echo{}, &reply); err != nil {
				return err
			}
			if len(reply.Metadata) != 2 || reply.Metadata[0].Value != "first" || reply.Metadata[1].Value != "second" {
				return fmt.Errorf("metadata came as %v", reply.Metadata)
			}
			if reply.TimeoutNanos <= 0 || reply.TimeoutNanos > int64(patience) {
				return fmt.Errorf("%d ns were left", reply.TimeoutNanos)
			}
			if int(reply.UID) != os.Getuid() || int(reply.PID) != os.Getpid() {
				return fmt.Errorf("the caller was seen as uid %d, pid %d", reply.UID, reply.PID)
			}
			return nil
		},
		"rpc_soak": func(ctx context.Context) error {
			var group sync.WaitGroup
			errs := make(chan error, 64)
			for caller := 0; caller < 64; caller++ {
				group.Add(1)
				go func(caller int) {
					defer group.Done()
					for i := 0; i < 100; i++ {
						request := &echo{Number: int64(caller*1000 + i), Body: make([]byte, i*100)}
						if err := echoes(ctx, client, request); err != nil {
							errs <- err
							return
						}
					}
				}(caller)
			}
			group.Wait()
			close(errs)
			return <-errs
		},
	}
}

func main() {
	conn, err := net.Dial("unix", os.Args[1])
	if err != nil {
		fmt.Println("FAIL connect:", err)
		os.Exit(1)
	}
	client := ttrpc.NewClient(conn)
	defer client.Close()
	code := 0
	for name, run := range cases(client) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		if err := run(ctx); err != nil {
			fmt.Printf("FAIL %s: %v\n", name, err)
			code = 1
		} else {
			fmt.Println("ok", name)
		}
		cancel()
	}
	os.Exit(code)
}
