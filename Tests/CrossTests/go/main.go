// Spends a user's credit until there is none, by the stock ttrpc client for Go.
//
//	main SOCKET
//
// What it is told and what it prints is in cross.py. Built in GOPATH mode against Debian's
// golang-github-containerd-ttrpc-dev; the messages are by hand, since that is all that it needs of them.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"

	"github.com/containerd/ttrpc"
	"github.com/gogo/protobuf/proto"
	"google.golang.org/grpc/status"
)

const service = "tallystick.v1.CreditService"

// Every call of this many is made twice with one key.
const twiceEvery = 7

type consumeRequest struct {
	UserID         string `protobuf:"bytes,1,opt,name=user_id,proto3"`
	AmountMicros   int64  `protobuf:"varint,2,opt,name=amount_micros,proto3"`
	IdempotencyKey string `protobuf:"bytes,3,opt,name=idempotency_key,proto3"`
}

func (m *consumeRequest) Reset()         { *m = consumeRequest{} }
func (m *consumeRequest) String() string { return proto.CompactTextString(m) }
func (*consumeRequest) ProtoMessage()    {}

type transaction struct {
	Sequence int64 `protobuf:"varint,1,opt,name=sequence,proto3"`
}

func (m *transaction) Reset()         { *m = transaction{} }
func (m *transaction) String() string { return proto.CompactTextString(m) }
func (*transaction) ProtoMessage()    {}

type consumeResponse struct {
	Transaction *transaction `protobuf:"bytes,1,opt,name=transaction,proto3"`
	Replayed    bool         `protobuf:"varint,3,opt,name=replayed,proto3"`
}

func (m *consumeResponse) Reset()         { *m = consumeResponse{} }
func (m *consumeResponse) String() string { return proto.CompactTextString(m) }
func (*consumeResponse) ProtoMessage()    {}

type errorInfo struct {
	Reason   string            `protobuf:"bytes,1,opt,name=reason,proto3"`
	Metadata map[string]string `protobuf:"bytes,3,rep,name=metadata,proto3" protobuf_key:"bytes,1,opt,name=key,proto3" protobuf_val:"bytes,2,opt,name=value,proto3"`
}

func (m *errorInfo) Reset()         { *m = errorInfo{} }
func (m *errorInfo) String() string { return proto.CompactTextString(m) }
func (*errorInfo) ProtoMessage()    {}

type said struct {
	Key       string `json:"key"`
	Amount    int64  `json:"amount"`
	Sequence  int64  `json:"sequence,omitempty"`
	Replayed  bool   `json:"replayed"`
	Refused   string `json:"refused,omitempty"`
	Available int64  `json:"available"`
	Required  int64  `json:"required"`
}

// What a refusal says; an error that is none is returned.
func (s *said) refusal(err error) error {
	known, ok := status.FromError(err)
	if !ok || len(known.Proto().GetDetails()) == 0 {
		return err
	}
	var info errorInfo
	if problem := proto.Unmarshal(known.Proto().Details[0].Value, &info); problem != nil {
		return problem
	}
	s.Refused = info.Reason
	for name, into := range map[string]*int64{"available_micros": &s.Available, "required_micros": &s.Required} {
		number, problem := strconv.ParseInt(info.Metadata[name], 10, 64)
		if problem != nil {
			return fmt.Errorf("%w, whose %s is no number", err, name)
		}
		*into = number
	}
	return nil
}

func consume(client *ttrpc.Client, request *consumeRequest) (said, error) {
	call := said{Key: request.IdempotencyKey, Amount: request.AmountMicros}
	var reply consumeResponse
	if err := client.Call(context.Background(), service, "Consume", request, &reply); err != nil {
		return call, call.refusal(err)
	}
	call.Sequence, call.Replayed = reply.Transaction.Sequence, reply.Replayed
	return call, nil
}

func spend(client *ttrpc.Client, user string, caller int, amount int64, note func(said)) error {
	for turn := 1; ; turn++ {
		key := fmt.Sprintf("go-%d-%d", caller, turn)
		copies := 1
		if turn%twiceEvery == 0 {
			copies = 2
		}
		for ; copies > 0; copies-- {
			call, err := consume(client, &consumeRequest{user, amount, key})
			if err != nil {
				return err
			}
			note(call)
			if call.Refused != "" {
				return nil
			}
		}
	}
}

func run(socket string) error {
	input := bufio.NewReader(os.Stdin)
	var told struct {
		User    string
		Amounts []int64
	}
	line, err := input.ReadBytes('\n')
	if err != nil {
		return err
	}
	if err := json.Unmarshal(line, &told); err != nil {
		return err
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	client := ttrpc.NewClient(conn)
	defer client.Close()
	var calls []said
	// Before the others begin: on a busy machine they might leave nothing for whoever comes late.
	for copies := 2; copies > 0; copies-- {
		call, err := consume(client, &consumeRequest{told.User, told.Amounts[0], "go-first"})
		if err != nil {
			return err
		}
		calls = append(calls, call)
	}
	fmt.Println("ready")
	if _, err := input.ReadBytes('\n'); err != nil {
		return err
	}

	var group sync.WaitGroup
	var lock sync.Mutex
	errs := make(chan error, len(told.Amounts))
	for caller, amount := range told.Amounts {
		group.Add(1)
		go func(caller int, amount int64) {
			defer group.Done()
			errs <- spend(client, told.User, caller, amount, func(call said) {
				lock.Lock()
				defer lock.Unlock()
				calls = append(calls, call)
			})
		}(caller, amount)
	}
	group.Wait()
	for range told.Amounts {
		if err := <-errs; err != nil {
			return err
		}
	}
	output := json.NewEncoder(os.Stdout)
	for _, call := range calls {
		if err := output.Encode(call); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
