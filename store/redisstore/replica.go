package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// ErrReplica is returned by every operation of a store whose client reads from replicas. A replica answers with what
// its master no longer holds: nothing that was written would be sure to be seen. The error that wraps it names the
// option of the client, or, where only the server could tell, its address.
var ErrReplica = errors.New("redisstore: the client reads from replicas")

// routed returns an error if the client's options say that it reads from replicas. RouteByLatency and RouteRandomly
// switch ReadOnly on, also behind Sentinel, by NewFailoverClusterClient.
func routed(client redis.UniversalClient) error {
	cluster, ok := client.(*redis.ClusterClient)
	if !ok || !cluster.Options().ReadOnly {
		return nil
	}
	option := "ReadOnly"
	switch o := cluster.Options(); {
	case o.RouteByLatency:
		option = "RouteByLatency"
	case o.RouteRandomly:
		option = "RouteRandomly"
	}
	return fmt.Errorf("%w: ClusterOptions.%s is set", ErrReplica, option)
}

// master returns an error if the server is a replica: the options of a client that NewFailoverClient made with
// ReplicaOnly do not show it. HELLO says so to every user. A server that does not know it is taken for a master.
func master(ctx context.Context, client *redis.Client) error {
	cmd := redis.NewMapStringInterfaceCmd(ctx, "hello")
	err := client.Process(ctx, cmd)
	if _, told := errors.AsType[redis.Error](err); told {
		return nil
	}
	if role := cmd.Val()["role"]; err == nil && role != nil && role != "master" {
		addr := client.Options().Addr
		return fmt.Errorf("%w: %s is a %v (FailoverOptions.ReplicaOnly, or the address of one)", ErrReplica, addr, role)
	}
	return err
}
