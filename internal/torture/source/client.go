package source

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"
)

// Client asks a Server. All methods may be called concurrently.
type Client struct {
	addr string
	idle chan net.Conn
}

// NewClient returns a client of the server at addr.
func NewClient(addr string) *Client { return &Client{addr: addr, idle: make(chan net.Conn, 64)} }

// Read returns the current versions of rows, one after the other.
func (c *Client) Read(ctx context.Context, keys []int) ([]uint32, error) {
	return c.ask(ctx, opRead, keys, nil)
}

// Begin returns the version that a transaction will make.
func (c *Client) Begin(ctx context.Context, key int) (uint32, error) {
	got, err := c.ask(ctx, opBegin, []int{key}, nil)
	if err != nil {
		return 0, err
	}
	return got[0], nil
}

// Commit commits, or returns ErrRefused. With any other error it may or may not have.
func (c *Client) Commit(ctx context.Context, key int, version uint32, deadline int64) error {
	terms := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, version), uint64(deadline))
	got, err := c.ask(ctx, opCommit, []int{key}, terms)
	switch {
	case err != nil:
		return err
	case got[0] != committed:
		return ErrRefused
	}
	return nil
}

func (c *Client) ask(ctx context.Context, op byte, keys []int, terms []byte) (_ []uint32, err error) {
	var conn net.Conn
	select {
	case conn = <-c.idle:
	default:
		if conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", c.addr); err != nil {
			return nil, err
		}
	}
	leave := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !leave() || err != nil {
			_ = conn.Close() // there may be an answer on its way
			err = errors.Join(err, ctx.Err())
			return
		}
		select {
		case c.idle <- conn:
		default:
			_ = conn.Close()
		}
	}()
	ask := binary.BigEndian.AppendUint16([]byte{op}, uint16(len(keys)))
	for _, key := range keys {
		ask = binary.BigEndian.AppendUint32(ask, uint32(key))
	}
	if _, err := conn.Write(append(ask, terms...)); err != nil {
		return nil, err
	}
	reply := make([]byte, 4*len(keys))
	if _, err := io.ReadFull(conn, reply); err != nil {
		return nil, err
	}
	out := make([]uint32, len(keys))
	for i := range out {
		out[i] = binary.BigEndian.Uint32(reply[4*i:])
	}
	return out, nil
}

// request reads the part of a request that all operations have.
func request(in *bufio.Reader) (op byte, keys []int, err error) {
	var head [3]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0, nil, err
	}
	rows := make([]byte, 4*int(binary.BigEndian.Uint16(head[1:])))
	if _, err := io.ReadFull(in, rows); err != nil {
		return 0, nil, err
	}
	keys = make([]int, len(rows)/4)
	for i := range keys {
		keys[i] = int(binary.BigEndian.Uint32(rows[4*i:]))
	}
	return head[0], keys, nil
}
