package kafkabus_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/kafkatest"
	"github.com/cachet-go/cachet/internal/proctest"
	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/kafkabus"
	"github.com/cachet-go/cachet/store/redisstore"
)

// The environment that turns the test binary into a consumer to be stopped and killed.
const (
	childRole   = "CACHET_CHILD"
	childBroker = "CACHET_BROKER"
	childTopic  = "CACHET_TOPIC"
	childGroup  = "CACHET_GROUP"
	childRedis  = "CACHET_REDIS"
)

func TestMain(m *testing.M) {
	switch os.Getenv(childRole) {
	case "hang":
		hangOnce()
	case "apply":
		applyAll()
	default:
		kafkatest.Main(m)
	}
}

func childConfig() kafkabus.Config {
	return kafkabus.Config{
		Brokers: []string{os.Getenv(childBroker)}, Topic: os.Getenv(childTopic), Group: os.Getenv(childGroup),
		Session: 6 * time.Second, Drain: time.Second,
		Error: func(_ context.Context, err error) { say("error: " + err.Error()) },
	}
}

func say(what string) { fmt.Println(what) }

// hangOnce handles its first batch when it is sent a byte.
func hangOnce() {
	s, err := kafkabus.NewSubscriber(childConfig())
	if err != nil {
		panic(err)
	}
	go func() {
		for range time.Tick(50 * time.Millisecond) {
			say(fmt.Sprintf("stats: rebalances %d, commit errors %d.", s.Stats().Rebalances, s.Stats().CommitErrors))
		}
	}()
	hang := sync.OnceFunc(func() {
		say("handling")
		_, _ = io.ReadFull(os.Stdin, make([]byte, 1))
	})
	err = s.Subscribe(context.Background(), func(context.Context, []invalidation.Event) error {
		hang()
		return nil
	})
	panic(err)
}

// applyAll deletes from Redis what events name, and counts there how often each event was applied.
func applyAll() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv(childRedis)})
	cfg := childConfig()
	s, err := kafkabus.NewSubscriber(cfg)
	if err != nil {
		panic(err)
	}
	st := redisstore.New(client, redisstore.Options{})
	go func() {
		for range time.Tick(time.Second) {
			say(fmt.Sprintf("stats: %+v", s.Stats()))
		}
	}()
	err = invalidation.Apply(context.Background(), counting{s, client}, st, invalidation.Options{
		Error: func(_ context.Context, err error) { say("error: " + err.Error()) },
	})
	panic(err)
}

// counting is a subscriber that writes down which events have been handled.
type counting struct {
	invalidation.Subscriber

	client *redis.Client
}

func (c counting) Subscribe(ctx context.Context, handle invalidation.Handler) error {
	return c.Subscriber.Subscribe(ctx, func(ctx context.Context, events []invalidation.Event) error {
		if err := handle(ctx, events); err != nil {
			return err
		}
		_, err := c.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, e := range events {
				p.HIncrBy(ctx, "applied", e.ID, 1)
			}
			return nil
		})
		return err
	})
}

// child is a consumer in a process of its own.
type child struct {
	*proctest.Process

	in io.Writer
}

func (r *rig) child(role, redis string) *child {
	r.Helper()
	self, err := os.Executable()
	require.NoError(r, err)
	cmd := exec.Command(self)
	cmd.Env = append(
		os.Environ(), childRole+"="+role, childBroker+"="+r.cfg.Brokers[0], childTopic+"="+r.cfg.Topic,
		childGroup+"="+r.cfg.Group, childRedis+"="+redis,
	)
	in, err := cmd.StdinPipe()
	require.NoError(r, err)
	p, err := proctest.Start(cmd)
	require.NoError(r, err)
	r.Cleanup(func() { _ = p.End(syscall.SIGKILL) })
	return &child{Process: p, in: in}
}

func (c *child) said(what string) bool { return strings.Contains(c.Output(), what) }

// A member that stands still for longer than its session has lost its partition. When it goes on, its commit must not
// move the position of the one that has it now.
func TestACommitOfAGenerationThatIsOverIsRefused(t *testing.T) {
	takesLong(t)
	r := newRig(t, 1)
	p := r.publisher()
	r.publish(p, 10)
	frozen := r.child("hang", "")
	r.await("the batch that hangs", func() bool { return frozen.said("handling") })
	frozen.Signal(syscall.SIGSTOP)
	d := newSeen()
	r.subscribe(r.subscriber(), d.handle)
	r.await("the other's commit", func() bool { return r.committed(0) == 10 })
	r.publish(p, 10)
	r.await("the other's second commit", func() bool { return r.committed(0) == 20 })

	frozen.Signal(syscall.SIGCONT)
	_, err := frozen.in.Write([]byte("x"))
	require.NoError(t, err)
	defer func() {
		if t.Failed() {
			t.Log(frozen.Output())
		}
	}()
	r.await("the refusal", func() bool { return frozen.said("commit errors 1") })
	require.EqualValues(t, 20, r.committed(0))
	r.await("the member to join anew", func() bool { return frozen.said("rebalances 2, ") })
	require.EqualValues(t, 20, r.committed(0))
	require.Zero(t, d.repeated())
}
