package redistest

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Cluster is a Redis Cluster of masters, without replicas unless a test adds some.
type Cluster struct {
	Servers []*Server

	tb    testing.TB
	bus   string         // the port by which the others meet the first
	owner [slots]*Server // of each slot
}

// slots is how many slots a cluster has.
const slots = 16384

// StartCluster starts a cluster of n masters and waits until it serves every slot. args are added to the command
// line of each.
func StartCluster(tb testing.TB, n int, args ...string) *Cluster {
	tb.Helper()
	c := &Cluster{tb: tb}
	for i := range n {
		s := c.join(i+1, args)
		s.Do("cluster", "addslotsrange", slots*i/n, slots*(i+1)/n-1)
		for slot := slots * i / n; slot < slots*(i+1)/n; slot++ {
			c.owner[slot] = s
		}
		c.Servers = append(c.Servers, s)
	}
	await(tb, "the cluster comes up", func() bool { return c.ready(n) })
	return c
}

// join starts a server that meets the others.
func (c *Cluster) join(epoch int, args []string) *Server {
	c.tb.Helper()
	_, bus, err := net.SplitHostPort(freeAddr(c.tb))
	if err != nil {
		c.tb.Fatalf("redistest: %v", err)
	}
	args = append([]string{"--cluster-enabled", "yes", "--cluster-port", bus}, args...)
	s := Start(c.tb, args...)
	s.Do("cluster", "set-config-epoch", epoch)
	if len(c.Servers) > 0 {
		host, port := c.Servers[0].HostPort()
		s.Do("cluster", "meet", host, port, c.bus)
	} else {
		c.bus = bus
	}
	return s
}

// Replica adds a replica of a master, and waits until it has what that has.
func (c *Cluster) Replica(master *Server) *Server {
	c.tb.Helper()
	s := c.join(len(c.Servers)+1, nil)
	id := c.id(master)
	await(c.tb, "the cluster knows the replica", func() bool {
		nodes, _ := s.Do("cluster", "nodes").(string)
		return strings.Count(nodes, "\n") > len(c.Servers) && !strings.Contains(nodes, "handshake")
	})
	s.Do("cluster", "replicate", id)
	s.awaitReplication()
	await(c.tb, "the master knows the replica", func() bool {
		info, _ := master.Do("info", "replication").(string)
		return strings.Contains(info, "state=online")
	})
	return s
}

func (c *Cluster) id(s *Server) string {
	c.tb.Helper()
	id, _ := s.Do("cluster", "myid").(string)
	return id
}

// Owner returns the master that has a key.
func (c *Cluster) Owner(key string) *Server {
	c.tb.Helper()
	return c.owner[c.Slot(key)]
}

// Slot returns the slot of a key.
func (c *Cluster) Slot(key string) int64 {
	c.tb.Helper()
	slot, _ := c.Servers[0].Do("cluster", "keyslot", key).(int64)
	return slot
}

// Migrate begins to move a slot: from then on keys that the owner does not have are asked of to. It returns what
// moves the keys and ends the move. One slot moves at a time.
func (c *Cluster) Migrate(slot int64, to *Server) (end func()) {
	c.tb.Helper()
	from := c.owner[slot]
	if from == to {
		return func() {}
	}
	to.Do("cluster", "setslot", slot, "importing", c.id(from))
	from.Do("cluster", "setslot", slot, "migrating", c.id(to))
	return func() {
		c.tb.Helper()
		host, port := to.HostPort()
		for {
			keys, _ := from.Do("cluster", "getkeysinslot", slot, 100).([]any)
			if len(keys) == 0 {
				break
			}
			from.Do(append([]any{"migrate", host, port, "", 0, patience.Milliseconds(), "keys"}, keys...)...)
		}
		c.owner[slot] = to
		for _, s := range append([]*Server{to, from}, c.Servers...) {
			s.Do("cluster", "setslot", slot, "node", c.id(to))
		}
	}
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
