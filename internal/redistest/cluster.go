package redistest

import (
	"context"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Cluster is a Redis Cluster of masters without replicas.
type Cluster struct {
	Servers []*Server
}

// StartCluster starts a cluster of n masters, at least three, and waits until it serves every slot. args are added
// to the command line of each.
func StartCluster(tb testing.TB, n int, args ...string) *Cluster {
	tb.Helper()
	cli := path(tb, "redis-cli")
	c := &Cluster{}
	create := []string{"--cluster", "create"}
	for range n {
		_, bus, err := net.SplitHostPort(freeAddr(tb))
		if err != nil {
			tb.Fatalf("redistest: %v", err)
		}
		s := Start(tb, append([]string{"--cluster-enabled", "yes", "--cluster-port", bus, "--dir", tb.TempDir()}, args...)...)
		c.Servers = append(c.Servers, s)
		create = append(create, s.Addr)
	}
	out, err := exec.Command(cli, append(create, "--cluster-replicas", "0", "--cluster-yes")...).CombinedOutput() //nolint:gosec,noctx // it ends by itself
	if err != nil {
		tb.Fatalf("redistest: redis-cli %s: %v\n%s", strings.Join(create, " "), err, out)
	}
	for deadline := time.Now().Add(patience); !c.ready(n); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("redistest: the cluster does not come up:\n%s", out)
		}
	}
	return c
}

func (c *Cluster) ready(n int) bool {
	for _, s := range c.Servers {
		info, _ := s.Do("cluster", "info").(string)
		if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:"+strconv.Itoa(n)) {
			return false
		}
	}
	return true
}

// Client returns a client of the cluster with default options, which is closed with the test. changes are made to
// its options.
func (c *Cluster) Client(tb testing.TB, changes ...func(*redis.ClusterOptions)) *redis.ClusterClient {
	tb.Helper()
	addrs := make([]string, len(c.Servers))
	for i, s := range c.Servers {
		addrs[i] = s.Addr
	}
	opts := &redis.ClusterOptions{Addrs: addrs}
	for _, change := range changes {
		change(opts)
	}
	client := redis.NewClusterClient(opts)
	tb.Cleanup(func() { _ = client.Close() })
	client.ReloadState(context.Background())
	return client
}
