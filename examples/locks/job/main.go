// Job runs a short job once per tick on three processes whose clocks differ by more than the job takes.
//
// With a lock that is let go of when the job is done, each of them finds it free when its own clock strikes. MinHold
// keeps the others out for longer than clocks differ. First by the number of the tick is right however late one
// comes, where the tick has a number; the exit status is 1 if with it a tick was missed or ran twice.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet/examples/locks/demo"
	"github.com/cachet-go/cachet/lock"
)

const schema = `CREATE TABLE run (way TEXT NOT NULL, tick INTEGER NOT NULL, process INTEGER NOT NULL)`

const (
	ticks     = 6
	processes = 3
	period    = 500 * time.Millisecond
	skew      = 60 * time.Millisecond // between one clock and the next
)

var (
	process = flag.Int("process", -1, "run as this process")
	path    = flag.String("db", "", "`path` of the database, for a process")
	server  = flag.String("server", "", "`address` of the Redis, for a process")
	prefix  = flag.String("prefix", "", "of keys in Redis, for a process")
	start   = flag.Int64("start", 0, "number of the first tick, for a process")
)

func main() {
	flag.Parse()
	if *process < 0 {
		demo.Main(schema, run)
	}
	if err := serve(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w *demo.World) error {
	first := strconv.FormatInt(time.Now().UnixNano()/int64(period)+2, 10)
	var children []*exec.Cmd
	for i := range processes {
		cmd := exec.CommandContext(ctx, os.Args[0],
			"-process", strconv.Itoa(i), "-db", w.Path, "-server", w.Redis, "-prefix", w.Prefix, "-start", first)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			return err
		}
		children = append(children, cmd)
	}
	for _, cmd := range children {
		if err := cmd.Wait(); err != nil {
			return err
		}
	}
	for _, way := range []string{"lock", "MinHold", "First"} {
		fmt.Printf("%-8s %2d runs in %d ticks\n", way+":", w.Int(ctx, `SELECT count(*) FROM run WHERE way = ?`, way), ticks)
	}
	runs := w.Int(ctx, `SELECT count(*) FROM run WHERE way = 'First'`)
	different := w.Int(ctx, `SELECT count(DISTINCT tick) FROM run WHERE way = 'First'`)
	w.Checkf(runs == ticks && different == ticks, "%d runs for %d of %d ticks", runs, different, ticks)
	return nil
}

// serve is one of the processes, all of which have all the ways to do the job.
func serve(ctx context.Context) error {
	client := redis.NewClient(&redis.Options{Addr: *server})
	defer client.Close() //nolint:errcheck // nothing is lost
	locker := lock.New(client, lock.Prefix(*prefix))
	defer locker.Close() //nolint:errcheck // returns nil
	db, err := demo.OpenDB(*path)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // what was written is committed
	for tick := *start; tick < *start+ticks; tick++ {
		job := func(way string) error {
			_, err := db.ExecContext(ctx, `INSERT INTO run VALUES (?, ?, ?)`, way, tick, *process)
			return err
		}
		behind := time.Duration(*process) * skew // this process's clock
		time.Sleep(time.Until(time.Unix(0, tick*int64(period)).Add(behind)))

		if k, err := locker.TryLock(ctx, "report"); err == nil {
			if err := job("lock"); err != nil {
				return err
			}
			_ = k.Unlock() // and the next one finds it free
		}
		if k, err := locker.TryLock(ctx, "report:held", lock.MinHold(period*3/4)); err == nil {
			if err := job("MinHold"); err != nil {
				return err
			}
			_ = k.Unlock() // until then it stands
		}
		ours, err := locker.First(ctx, "report:"+strconv.FormatInt(tick, 10), time.Minute)
		if err != nil {
			return err
		}
		if ours {
			if err := job("First"); err != nil {
				return err
			}
		}
	}
	return nil
}
