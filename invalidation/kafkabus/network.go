package kafkabus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// network is how one user of kafka-go reaches the brokers: connections that can be severed, so that nobody waits for a
// broker that does not answer, and that are never read from without a deadline.
type network struct {
	cfg Config

	mu      sync.Mutex
	conns   map[*conn]struct{} // guarded by mu; nil: severed
	pools   []*kafka.Transport // guarded by mu
	dialing context.Context    //nolint:containedctx // ends dials under way when severed
	stop    context.CancelFunc
}

const (
	dialTimeout = 3 * time.Second
	// silence is how long a broker may take to answer where kafka-go sets no deadline, as in a SASL handshake.
	silence = 30 * time.Second
	// metadataTTL bounds how long a client looks for a leader that has moved.
	metadataTTL = 2 * time.Second
)

var (
	errSevered = errors.New("kafkabus: the connections were closed")
	// errDial is that no connection could be made, so that nothing was sent.
	errDial = errors.New("kafkabus: dial")
)

func newNetwork(cfg Config) *network {
	ctx, cancel := context.WithCancel(context.Background())
	return &network{cfg: cfg, conns: make(map[*conn]struct{}), dialing: ctx, stop: cancel}
}

// client returns a client that knows topics and no others, with a pool of connections of its own.
func (n *network) client(topics ...string) *kafka.Client {
	mechanism, _ := n.cfg.SASL.mechanism() // it was checked
	pool := &kafka.Transport{
		Dial:           n.dial,
		DialTimeout:    dialTimeout,
		IdleTimeout:    time.Minute,
		MetadataTTL:    metadataTTL,
		MetadataTopics: topics,
		ClientID:       "cachet",
		TLS:            n.cfg.TLS,
		SASL:           mechanism,
		Context:        n.dialing,
	}
	n.mu.Lock()
	n.pools = append(n.pools, pool)
	n.mu.Unlock()
	return &kafka.Client{Addr: kafka.TCP(n.cfg.Brokers...), Transport: pool}
}

// dialer is for kafka.ConsumerGroup, which knows no Transport.
func (n *network) dialer() *kafka.Dialer {
	mechanism, _ := n.cfg.SASL.mechanism()
	return &kafka.Dialer{
		ClientID: "cachet", Timeout: dialTimeout, DialFunc: n.dial, TLS: n.cfg.TLS, SASLMechanism: mechanism,
	}
}

func (n *network) dial(ctx context.Context, proto, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	unhook := context.AfterFunc(n.dialing, cancel)
	defer unhook()
	raw, err := new(net.Dialer).DialContext(ctx, proto, addr)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDial, err)
	}
	c := &conn{Conn: raw, network: n}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conns == nil {
		_ = raw.Close()
		return nil, errSevered
	}
	n.conns[c] = struct{}{}
	return c, nil
}

// sever closes all connections for good.
func (n *network) sever() {
	n.stop()
	n.mu.Lock()
	conns, pools := n.conns, n.pools
	n.conns, n.pools = nil, nil
	n.mu.Unlock()
	for c := range conns {
		_ = c.Conn.Close()
	}
	for _, pool := range pools {
		pool.CloseIdleConnections() // ends the goroutines of those that were idle
	}
}

// conn is a connection that its network knows. kafka-go uses one in one goroutine at a time, or sets deadlines.
type conn struct {
	net.Conn

	network *network

	mu      sync.Mutex
	bounded bool // guarded by mu: whether a read has a deadline of the caller's
}

func (c *conn) Read(b []byte) (int, error) {
	c.mu.Lock()
	if !c.bounded {
		_ = c.Conn.SetReadDeadline(time.Now().Add(silence))
	}
	c.mu.Unlock()
	return c.Conn.Read(b)
}

func (c *conn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bounded = !t.IsZero()
	return c.Conn.SetDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bounded = !t.IsZero()
	return c.Conn.SetReadDeadline(t)
}

func (c *conn) Close() error {
	c.network.mu.Lock()
	delete(c.network.conns, c)
	c.network.mu.Unlock()
	return c.Conn.Close()
}
