package soak_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store/redisstore"
)

// hotTTL is the life of the hot record, and childExpiries how many of them a process reads it for.
const (
	hotTTL        = time.Second
	childExpiries = "CACHET_EXPIRIES"
)

// readHot reads a key 250 times a second and tells how often it missed and refreshed.
func readHot() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv(childRedis)})
	cache := cachet.Must(cachet.New(redisstore.New(client, redisstore.Options{}), cachet.Config[string, int64]{
		Name: "hot", TTL: hotTTL, Jitter: -1, EarlyRefresh: 2,
		Load: func(context.Context, string) (int64, error) { time.Sleep(10 * time.Millisecond); return 1, nil },
	}))
	get := func() {
		if _, err := cache.Get(context.Background(), "k"); err != nil {
			panic(err)
		}
	}
	get()
	say("warm")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		panic(err)
	}
	var expiries int
	if _, err := fmt.Sscan(os.Getenv(childExpiries), &expiries); err != nil {
		panic(err)
	}
	before := cache.Stats()
	tick := time.NewTicker(4 * time.Millisecond)
	for end := time.Now().Add(time.Duration(expiries) * hotTTL); time.Now().Before(end); <-tick.C {
		get()
	}
	after := cache.Stats()
	say(fmt.Sprint(after.Misses-before.Misses, after.Refreshes-before.Refreshes, after.Hits-before.Hits))
	os.Exit(0)
}

func TestAHotKeyIsRefreshedEarlyByOneProcessOfFour(t *testing.T) {
	server := redistest.Start(t)
	expiries := 3
	if *figures {
		expiries = 20
	}
	self, err := os.Executable()
	require.NoError(t, err)
	var starts []func()
	var outs []*bufio.Reader
	for range 4 {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), childRole+"=hot", childRedis+"="+server.Addr, fmt.Sprint(childExpiries, "=", expiries))
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		lines := bufio.NewReader(out)
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "warm", strings.TrimSpace(line))
		outs = append(outs, lines)
		starts = append(starts, func() { _, err := fmt.Fprintln(in); require.NoError(t, err) })
	}
	for _, start := range starts {
		start()
	}
	var misses, refreshes, hits int
	for _, out := range outs {
		line, err := out.ReadString('\n')
		require.NoError(t, err)
		var m, r, h int
		_, err = fmt.Sscan(line, &m, &r, &h)
		require.NoError(t, err)
		misses, refreshes, hits = misses+m, refreshes+r, hits+h
	}
	t.Logf("%d expiries: %d hits, %d misses, %d refreshes", expiries, hits, misses, refreshes)
	require.GreaterOrEqual(t, refreshes, 1)
	if *figures {
		require.Zero(t, misses)
		require.LessOrEqual(t, float64(refreshes)/float64(expiries), 1.2)
	}
}
