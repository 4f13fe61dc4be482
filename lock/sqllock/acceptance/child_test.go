package acceptance_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/stretchr/testify/require"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/cachet-go/cachet/lock"
)

// ttl is the lease of the locks where processes are to lose them.
const ttl = 400 * time.Millisecond

// order is what a process is told to do.
type order struct {
	Process   int
	TTL       time.Duration
	Redis     string   // address; or
	Sentinels []string // and
	Master    string
	Postgres  string
	Unguarded bool
	Hold      bool // takes the lock, says so, and keeps it
}

const variable = "CACHET_LOCK_ORDER"

func TestMain(m *testing.M) {
	logging.Disable() // the client's, about servers that are down on purpose
	if text := os.Getenv(variable); text != "" {
		var o order
		if err := json.Unmarshal([]byte(text), &o); err != nil { //nolint:musttag // both ends are this file
			panic(err)
		}
		go o.obey()
		_, _ = io.Copy(io.Discard, os.Stdin) // which ends with the parent, however that ends
		os.Exit(0)
	}
	flag.Parse()
	os.Exit(m.Run())
}

func (o order) client() *redis.Client {
	const patience = 300 * time.Millisecond
	if o.Redis != "" {
		return redis.NewClient(&redis.Options{Addr: o.Redis, DialTimeout: patience, ReadTimeout: patience})
	}
	return redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: o.Master, SentinelAddrs: o.Sentinels, DialTimeout: patience, ReadTimeout: patience,
	})
}

// obey takes the lock, reads, adds one and writes, for ever. What goes wrong is what the test is about: the row tells.
func (o order) obey() {
	l := lock.New(o.client(), lock.TTL(o.TTL))
	db, err := sql.Open("pgx", o.Postgres)
	if err != nil {
		panic(err)
	}
	a := account{db: db, process: o.Process, unguarded: o.Unguarded}
	for {
		_ = l.Do(context.Background(), "account", func(ctx context.Context) error {
			fence, _ := lock.FenceOf(ctx)
			_, err := a.add(ctx, fence, func() {
				switch {
				case o.Hold:
					fmt.Println("held")
					select {}
				case rand.N(50) == 0:
					time.Sleep(rand.N(2 * ttl)) // a slow one is renewed
				}
			})
			return err
		})
	}
}

// process is a child.
type process struct {
	*exec.Cmd
	order order
	out   io.Reader
}

func spawn(t *testing.T, o order) *process {
	t.Helper()
	text, err := json.Marshal(o) //nolint:musttag // both ends are this file
	require.NoError(t, err)
	p := &process{Cmd: exec.Command(os.Args[0]), order: o}
	p.Env = append(os.Environ(), variable+"="+string(text))
	_, err = p.StdinPipe()
	require.NoError(t, err)
	p.out, err = p.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())
	return p
}

func (p *process) slay() {
	_ = p.Process.Kill()
	_ = p.Wait()
}

// stop makes it stand still for longer than the lease.
func (p *process) stop() {
	_ = p.Process.Signal(syscall.SIGSTOP)
	time.Sleep(ttl + rand.N(ttl))
	_ = p.Process.Signal(syscall.SIGCONT)
}

// crew are the processes that want the lock.
type crew struct {
	t  *testing.T
	mu sync.Mutex
	// Guarded by mu.
	members []*process
}

func (c *crew) hire(o order) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members = append(c.members, spawn(c.t, o))
}

func (c *crew) any() (int, *process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := rand.N(len(c.members))
	return i, c.members[i]
}

// replace kills a member, and another takes its place.
func (c *crew) replace(i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members[i].slay()
	c.members[i] = spawn(c.t, c.members[i].order)
}

func (c *crew) dismiss() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.members {
		p.slay()
	}
	c.members = nil
}
