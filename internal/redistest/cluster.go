package redistest

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Cluster is a Redis Cluster of masters without replicas.
type Cluster struct {
	Servers []*Server
	bus     string // the port by which the others meet the first
}

// slots is how many slots a cluster has.
const slots = 16384

// StartCluster starts a cluster of n masters and waits until it serves every slot. args are added to the command
// line of each.
func StartCluster(tb testing.TB, n int, args ...string) *Cluster {
	tb.Helper()
	c := &Cluster{}
	for i := range n {
		_, bus, err := net.SplitHostPort(freeAddr(tb))
		if err != nil {
			tb.Fatalf("redistest: %v", err)
		}
		s := Start(tb, append([]string{"--cluster-enabled", "yes", "--cluster-port", bus, "--dir", tb.TempDir()}, args...)...)
		s.Do("cluster", "set-config-epoch", i+1)
		s.Do("cluster", "addslotsrange", slots*i/n, slots*(i+1)/n-1)
		if i > 0 {
			host, port, err := net.SplitHostPort(c.Servers[0].Addr)
			if err != nil {
				tb.Fatalf("redistest: %v", err)
			}
			s.Do("cluster", "meet", host, port, c.bus)
		} else {
			c.bus = bus
		}
		c.Servers = append(c.Servers, s)
	}
	for deadline := time.Now().Add(patience); !c.ready(n); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("redistest: the cluster does not come up: %v", c.Servers[0].Do("cluster", "info"))
		}
	}
	return c
}

func (c *Cluster) ready(n int) bool {
	for _, s := range c.Servers {
		info, _ := s.Do("cluster", "info").(string)
		if !strings.Contains(info, "cluster_state:ok") ||
			!strings.Contains(info, "cluster_slots_ok:"+strconv.Itoa(slots)) ||
			!strings.Contains(info, "cluster_known_nodes:"+strconv.Itoa(n)) {
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
