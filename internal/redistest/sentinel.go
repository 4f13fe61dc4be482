package redistest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Sentinel is a master with replicas, and the sentinels that promote one when the master fails.
type Sentinel struct {
	Master    *Server // the one that there was at first
	Replicas  []*Server
	sentinels []*Server
	tb        testing.TB
}

// Service is the name under which sentinels know the master.
const Service = "cachet"

// StartSentinel starts a master, two replicas and three sentinels, two of which must find the master down for 300 ms.
func StartSentinel(tb testing.TB) *Sentinel {
	tb.Helper()
	s := &Sentinel{tb: tb, Master: Start(tb)}
	for range 2 {
		s.Replicas = append(s.Replicas, s.Master.Replica(tb))
	}
	host, port := s.Master.HostPort()
	config := fmt.Sprintf("sentinel monitor %[1]s %[2]s %[3]s 2\nsentinel down-after-milliseconds %[1]s 300\n"+
		"sentinel failover-timeout %[1]s 2000\n", Service, host, port)
	for i := range 3 {
		file := filepath.Join(tb.TempDir(), fmt.Sprintf("sentinel-%d.conf", i))
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			tb.Fatalf("redistest: %v", err)
		}
		s.sentinels = append(s.sentinels, start(tb, file, nil, "--sentinel"))
	}
	await(tb, "the sentinels know each other", func() bool {
		for _, sentinel := range s.sentinels {
			info := fmt.Sprint(sentinel.Do("info", "sentinel"))
			if !strings.Contains(info, "slaves=2,sentinels=3") {
				return false
			}
		}
		return true
	})
	return s
}

// Promoted waits until the sentinels have made a replica the master, and returns it.
func (s *Sentinel) Promoted() *Server {
	s.tb.Helper()
	var promoted *Server
	await(s.tb, "a replica is promoted", func() bool {
		addr, _ := s.sentinels[0].Do("sentinel", "get-master-addr-by-name", Service).([]any)
		if len(addr) != 2 {
			return false
		}
		for _, r := range s.Replicas {
			if r.Addr == net.JoinHostPort(fmt.Sprint(addr[0]), fmt.Sprint(addr[1])) {
				promoted = r
			}
		}
		return promoted != nil
	})
	await(s.tb, "the replica is a master", func() bool {
		return strings.Contains(fmt.Sprint(promoted.Do("info", "replication")), "role:master")
	})
	return promoted
}

// Failover kills the master and waits until a replica has taken its place, which becomes Master. The old one comes
// back, empty, as a replica of it.
func (s *Sentinel) Failover() {
	s.tb.Helper()
	old := s.Master
	old.Kill()
	s.Master = s.Promoted()
	i := slices.Index(s.Replicas, s.Master)
	s.Replicas[i] = old
	old.Restart()
	host, port := s.Master.HostPort()
	old.Do("replicaof", host, port)
	for _, r := range s.Replicas {
		await(s.tb, "the replicas follow", func() bool {
			info := fmt.Sprint(r.Do("info", "replication"))
			return strings.Contains(info, "master_port:"+port) && strings.Contains(info, "master_link_status:up")
		})
	}
}

// Addrs returns the addresses of the sentinels.
func (s *Sentinel) Addrs() []string {
	addrs := make([]string, len(s.sentinels))
	for i, sentinel := range s.sentinels {
		addrs[i] = sentinel.Addr
	}
	return addrs
}

// Client returns a client of whatever server is the master, with default options, which is closed with the test.
// changes are made to its options.
func (s *Sentinel) Client(tb testing.TB, changes ...func(*redis.FailoverOptions)) *redis.Client {
	tb.Helper()
	opts := &redis.FailoverOptions{MasterName: Service, SentinelAddrs: s.Addrs()}
	for _, change := range changes {
		change(opts)
	}
	client := redis.NewFailoverClient(opts)
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// Stop ends all servers, when the test is to go on without them.
func (s *Sentinel) Stop() {
	for _, server := range append(append(s.sentinels, s.Replicas...), s.Master) {
		server.Kill()
	}
}
