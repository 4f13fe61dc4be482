package redisstore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
)

func TestAdviceIsAboutWhatCouldBeSetUpBetter(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	advice := func() []string {
		advice, err := st.Advise(t.Context())
		require.NoError(t, err)
		return advice
	}
	has := func(word string) {
		t.Helper()
		found := advice()
		require.Len(t, found, 1)
		require.Contains(t, found[0], word)
	}
	good := func() {
		server.Do("config", "set", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru", "save", "")
	}
	good()
	require.Empty(t, advice())
	server.Do("config", "set", "maxmemory", 0)
	has("maxmemory is 0")
	good()
	server.Do("config", "set", "maxmemory-policy", "noeviction")
	has("noeviction")
	good()
	server.Do("config", "set", "save", "60 1")
	has("persistent")
	good()
	server.Do("config", "set", "appendonly", "yes")
	has("persistent")
	server.Do("config", "set", "appendonly", "no")
	server.Do("acl", "setuser", "default", "-config")
	require.Empty(t, advice(), "of a server that does not tell")
}

func TestAdviceOnAClusterIsGivenOnce(t *testing.T) {
	cluster := redistest.StartCluster(t, 3)
	advice, err := open(t, cluster.Client(t)).Advise(t.Context())
	require.NoError(t, err)
	require.Len(t, advice, 3, "%q", advice)
	require.Contains(t, advice[0], "ContextTimeoutEnabled")
}

func TestAServerThatCannotBeAskedForAdviceIsAnError(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	server.Kill()
	_, err := st.Advise(t.Context())
	require.Error(t, err)
}
