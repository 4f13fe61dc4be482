package source

import (
	"bufio"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// A request is an operation, the number of its rows, and 32 bits for each; a commit has its version and deadline
// besides. The reply is 32 bits for each row. All numbers are big-endian.
const (
	opRead   = 'r'
	opBegin  = 'b'
	opCommit = 'c'
)

// What a commit is answered.
const (
	committed = 1
	refused   = 2
)

// unknown is one in how many commits is made and not answered.
const unknown = 50

// Server serves a source on the loopback interface.
type Server struct {
	Addr string

	source *Source
	seed   uint64
	stall  func(*rand.Rand) time.Duration
	ln     net.Listener
	wg     sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{} // guarded by mu; nil once closed
}

// Serve serves a source whose reads stall for what stall says.
func Serve(s *Source, seed uint64, stall func(*rand.Rand) time.Duration) (*Server, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // Close ends it
	if err != nil {
		return nil, err
	}
	v := &Server{Addr: ln.Addr().String(), source: s, seed: seed, stall: stall, ln: ln, conns: make(map[net.Conn]struct{})}
	v.wg.Go(v.accept)
	return v, nil
}

// Close ends it, with all connections.
func (v *Server) Close() {
	_ = v.ln.Close()
	v.mu.Lock()
	for conn := range v.conns {
		_ = conn.Close()
	}
	v.conns = nil
	v.mu.Unlock()
	v.wg.Wait()
}

func (v *Server) accept() {
	for n := uint64(0); ; n++ {
		conn, err := v.ln.Accept()
		if err != nil {
			return
		}
		v.mu.Lock()
		if v.conns == nil {
			_ = conn.Close()
		} else {
			v.conns[conn] = struct{}{}
			v.wg.Go(func() { v.serve(conn, rand.New(rand.NewPCG(v.seed, n))) })
		}
		v.mu.Unlock()
	}
}

func (v *Server) serve(conn net.Conn, dice *rand.Rand) {
	defer func() {
		_ = conn.Close()
		v.mu.Lock()
		delete(v.conns, conn)
		v.mu.Unlock()
	}()
	in := bufio.NewReader(conn)
	var reply []byte
	for {
		op, keys, err := request(in)
		if err != nil {
			return
		}
		switch op {
		case opRead:
			reply = v.read(reply[:0], keys, dice)
		case opBegin:
			reply = binary.BigEndian.AppendUint32(reply[:0], v.source.Begin(keys[0]))
		case opCommit:
			var terms [12]byte
			if _, err := io.ReadFull(in, terms[:]); err != nil {
				return
			}
			version, deadline := binary.BigEndian.Uint32(terms[:]), binary.BigEndian.Uint64(terms[4:])
			answer := uint32(committed)
			if v.source.Commit(keys[0], version, int64(deadline)) != nil {
				answer = refused
			} else if dice.IntN(unknown) == 0 {
				return
			}
			reply = binary.BigEndian.AppendUint32(reply[:0], answer)
		}
		if _, err := conn.Write(reply); err != nil {
			return
		}
	}
}

// read stalls before or after it reads: a stall after it makes the value old before it arrives.
func (v *Server) read(reply []byte, keys []int, dice *rand.Rand) []byte {
	stall := v.stall(dice)
	before := dice.IntN(4) == 0
	if before {
		time.Sleep(stall)
	}
	for _, key := range keys {
		reply = binary.BigEndian.AppendUint32(reply, v.source.Read(key))
	}
	if !before {
		time.Sleep(stall)
	}
	return reply
}
