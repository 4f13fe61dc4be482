package redisstore_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/redisstore"
)

// The client leaves the commands of a pipeline without an error where it cannot log in. They were not sent.
func TestNothingSucceedsWhereTheClientCannotLogIn(t *testing.T) {
	server := redistest.Start(t)
	server.Do("acl", "setuser", "cachet", "on", ">secret", "allkeys", "allchannels", "allcommands")
	// Each operation meets it with a store of its own, for reads are not even tried after a while.
	st := func(t *testing.T) *redisstore.Store {
		t.Helper()
		return open(t, server.Client(t, func(o *redis.Options) { o.Username, o.Password = "cachet", "secret" }))
	}
	held := value(t, st(t), "k", "v")
	server.Do("acl", "setuser", "cachet", "resetpass", ">other")
	server.Do("client", "kill", "user", "cachet")

	require.ErrorContains(t, st(t).Invalidate(t.Context(), "k"), "WRONGPASS")
	require.ErrorContains(t, st(t).Invalidate(t.Context(), "k", "l", "m"), "WRONGPASS")
	require.ErrorContains(t, st(t).Fence(t.Context(), 1, time.Minute, "k"), "WRONGPASS")
	require.ErrorContains(t, st(t).Lift(t.Context(), 1, time.Minute, "k"), "WRONGPASS")
	require.ErrorContains(t, st(t).Lease(t.Context(), store.Ask{Key: "k"})[0].Err, "WRONGPASS")
	require.ErrorContains(t, st(t).Fill(t.Context(), store.Fill{Held: held, TTL: time.Minute})[0].Err, "WRONGPASS")
	require.ErrorContains(t, st(t).Renew(t.Context(), held), "WRONGPASS")
	require.ErrorContains(t, st(t).Release(t.Context(), true, held), "WRONGPASS")
	_, err := st(t).Get(t.Context(), "k")
	require.ErrorContains(t, err, "WRONGPASS")
	_, err = st(t).GetMany(t.Context(), []string{"k", "l"})
	require.ErrorContains(t, err, "WRONGPASS")

	crowd := st(t)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			_, err := crowd.Get(t.Context(), "k")
			assert.Error(t, err)
		})
	}
	all.Wait()
}

// swallow is a hook that sends no script and says that all went well.
type swallow struct{}

func (swallow) DialHook(next redis.DialHook) redis.DialHook { return next }

func (swallow) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "evalsha" {
			return nil
		}
		return next(ctx, cmd)
	}
}

func (swallow) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func TestAScriptWithoutAReplyIsAnError(t *testing.T) {
	client := redistest.Start(t).Client(t)
	client.AddHook(swallow{})
	require.Error(t, open(t, client).Renew(t.Context(), store.Held{Key: "k"}))
}

func TestAUserWhoMayGetSomeKeysOnlyIsServedInACrowd(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	keys := named(t, st, 10)
	server.Do("acl", "setuser", "some", "on", ">secret", "allkeys", "allchannels", "allcommands", "-mget")
	some := open(t, server.Client(t, func(o *redis.Options) { o.Username, o.Password = "some", "secret" }))
	crowded(t, some, keys, 20)
	recs, err := some.GetMany(t.Context(), keys)
	require.NoError(t, err)
	require.Equal(t, keys[3], string(recs[3].Payload))
}
