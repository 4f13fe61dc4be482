package redistest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is a TCP proxy in the process. It forwards faithfully until told otherwise.
type Proxy struct {
	Addr string

	target string
	ln     net.Listener
	wg     sync.WaitGroup

	mu sync.Mutex
	// Guarded by mu.
	lines  map[*line]struct{}
	hold   bool // the next line is to be held
	black  bool // swallow requests
	mute   bool // swallow replies
	closed bool
}

// line is one connection through a proxy.
type line struct {
	client, server *net.TCPConn
	held           chan struct{} // if not nil, bytes to the server wait until it is closed
}

// NewProxy starts a proxy to target. It ends with the test.
func NewProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // Cleanup closes it
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	p := &Proxy{Addr: ln.Addr().String(), target: target, ln: ln, lines: make(map[*line]struct{})}
	p.wg.Go(p.serve)
	tb.Cleanup(func() {
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		_ = p.ln.Close()
		p.Release()
		p.Cut()
		p.wg.Wait()
	})
	return p
}

// Hold keeps back what clients send by the connections that are open, or if there are none by the next. It stays
// on its way even when the client hangs up. Connections that are opened later are not held.
func (p *Proxy) Hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold = len(p.lines) == 0
	for l := range p.lines {
		if l.held == nil {
			l.held = make(chan struct{})
		}
	}
}

// Release delivers what was kept back.
func (p *Proxy) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold = false
	for l := range p.lines {
		if l.held != nil {
			close(l.held)
			l.held = nil
		}
	}
}

// Cut closes all connections. What was kept back is lost.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.lines {
		l.close()
	}
}

// Blackhole makes the proxy swallow what it is sent in either direction, or stop that. What is swallowed is lost, so
// connections should be cut afterwards.
func (p *Proxy) Blackhole(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.black, p.mute = on, on
}

// Mute makes the proxy swallow what servers send, or stop that.
func (p *Proxy) Mute(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = on
}

// Lines is how many connections are open. One that the client has closed counts until the server has executed all
// that came by it.
func (p *Proxy) Lines() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.lines)
}

func (p *Proxy) serve() {
	for {
		client, err := p.ln.Accept()
		if err != nil {
			return
		}
		server, err := net.DialTimeout("tcp", p.target, 5*time.Second) //nolint:noctx // it has a time-out
		if err != nil {
			_ = client.Close()
			continue
		}
		p.open(&line{client: client.(*net.TCPConn), server: server.(*net.TCPConn)}) //nolint:forcetypeassert // both are tcp
	}
}

func (p *Proxy) open(l *line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		l.close()
		return
	}
	if p.hold {
		p.hold, l.held = false, make(chan struct{})
	}
	p.lines[l] = struct{}{}
	p.wg.Go(func() {
		var both sync.WaitGroup
		both.Go(func() { p.forward(l) })
		both.Go(func() { p.back(l) })
		both.Wait()
		l.close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.lines, l)
	})
}

func (l *line) close() {
	_ = l.client.Close()
	_ = l.server.Close()
}

// forward copies what the client sends. Only when all of it has been delivered is the server told of the end.
func (p *Proxy) forward(l *line) {
	defer l.server.CloseWrite() //nolint:errcheck // it may be closed already
	buf := make([]byte, 64<<10)
	for {
		n, err := l.client.Read(buf)
		p.mu.Lock()
		held, black := l.held, p.black
		p.mu.Unlock()
		if held != nil {
			<-held
		}
		if n > 0 && !black {
			if _, err := l.server.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// back copies what the server sends, until the server has seen the end of what it was sent and hangs up. That the
// client may have gone long before does not matter.
func (p *Proxy) back(l *line) {
	defer l.client.Close() //nolint:errcheck // it may be closed already
	buf := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(buf)
		p.mu.Lock()
		mute := p.mute
		p.mu.Unlock()
		if n > 0 && !mute {
			_, _ = l.client.Write(buf[:n])
		}
		if err != nil {
			return
		}
	}
}
