package redistest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
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

// service is the name under which sentinels know the master.
const service = "cachet"

// StartSentinel starts a master, two replicas and three sentinels, two of which must find the master down for 300 ms.
func StartSentinel(tb testing.TB) *Sentinel {
	tb.Helper()
	s := &Sentinel{tb: tb, Master: Start(tb)}
	for range 2 {
		s.Replicas = append(s.Replicas, s.Master.Replica(tb))
	}
	host, port := s.Master.HostPort()
	config := fmt.Sprintf("sentinel monitor %[1]s %[2]s %[3]s 2\nsentinel down-after-milliseconds %[1]s 300\n"+
		"sentinel failover-timeout %[1]s 2000\n", service, host, port)
	for i := range 3 {
		file := filepath.Join(tb.TempDir(), fmt.Sprintf("sentinel-%d.conf", i))
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			tb.Fatalf("redistest: %v", err)
		}
		s.sentinels = append(s.sentinels, start(tb, file, "--sentinel"))
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

// Addrs returns where the sentinels listen, and the name by which they know the master, for clients in other processes.
func (s *Sentinel) Addrs() (sentinels []string, master string) {
	for _, sentinel := range s.sentinels {
		sentinels = append(sentinels, sentinel.Addr)
	}
	return sentinels, service
}

// Promoted waits until the sentinels have made a replica the master, and returns it.
func (s *Sentinel) Promoted() *Server {
	s.tb.Helper()
	var promoted *Server
	await(s.tb, "a replica is promoted", func() bool {
		addr, _ := s.sentinels[0].Do("sentinel", "get-master-addr-by-name", service).([]any)
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

// Client returns a client of whatever server is the master, with default options, which is closed with the test.
// changes are made to its options.
func (s *Sentinel) Client(tb testing.TB, changes ...func(*redis.FailoverOptions)) *redis.Client {
	tb.Helper()
	opts := &redis.FailoverOptions{}
	opts.SentinelAddrs, opts.MasterName = s.Addrs()
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
