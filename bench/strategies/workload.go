package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// The workload, the same for all strategies: readers and writers of the same records, the popular ones far more often.
const (
	processes  = 4
	keys       = 200
	readers    = 24
	writers    = 8
	readPause  = 5 * time.Millisecond  // at most, between two reads of one reader
	writePause = 60 * time.Millisecond // at most, between two writes of one writer
	// grace is how long after a write that was reported as not invalidated it counts as acknowledged all the same.
	grace = time.Second
	// rest is how long everything rests before the records are looked at: what was lost has been repeated by then.
	rest = 300 * time.Millisecond
)

// workload is one run.
type workload struct {
	trial    trial
	seed     uint64
	db       *database
	oracle   *oracle
	subjects []subject
	end      chan struct{} // closed when the dead may go on

	pending sync.WaitGroup // acknowledgements that are due after grace
	dead    sync.WaitGroup // writers that were killed
	number  atomic.Int64   // of the last write

	mu sync.Mutex
	// Guarded by mu.
	result result
}

// drive reads and writes for a time. What is under way then is finished.
func (w *workload) drive(ctx context.Context, d time.Duration) {
	until := time.Now().Add(d)
	var all sync.WaitGroup
	for i := range readers + writers {
		// Each draws from a sequence of its own, the same for all strategies.
		r := rand.New(rand.NewPCG(w.seed, uint64(i)+1)) //nolint:gosec // it shall be repeatable
		step, pause := w.read, readPause
		if i >= readers {
			step, pause = w.write, writePause
		}
		zipf := rand.NewZipf(r, 1.1, 8, keys-1)
		s := w.subjects[i%len(w.subjects)]
		all.Go(func() {
			var own result
			for time.Now().Before(until) && ctx.Err() == nil {
				time.Sleep(time.Duration(r.Int64N(int64(pause))))
				step(context.WithoutCancel(ctx), s, int(zipf.Uint64()), r, &own)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.result.add(own)
		})
	}
	all.Wait()
}

func (w *workload) read(ctx context.Context, s subject, key int, _ *rand.Rand, own *result) {
	m := w.oracle.begin(key)
	write, err := s.Read(ctx, key)
	if err != nil {
		own.fail(err)
		return
	}
	own.Reads++
	if a := w.oracle.age(m, write); a.first > 0 {
		own.stale(a)
	}
}

func (w *workload) write(ctx context.Context, s subject, key int, r *rand.Rand, own *result) {
	f := w.trial.drawFate(r, w.number.Add(1))
	ctx = context.WithValue(ctx, fateKey{}, f)
	commit := func(ctx context.Context) error {
		if f.diesBefore {
			w.oracle.end(key)
			<-w.end
			return errDead
		}
		version, err := w.db.write(ctx, key, f.write)
		if err != nil {
			return err
		}
		w.oracle.commit(key, f.write, version)
		f.committed.Store(true)
		if f.dies {
			// There is nobody to tell. From now on the new record is what readers expect.
			w.oracle.ack(key, f.write)
			w.oracle.end(key)
			<-w.end
			return errDead
		}
		return nil
	}
	w.oracle.start(key)
	if f.dies || f.diesBefore {
		own.Deaths++
		w.dead.Go(func() { _ = s.Write(ctx, key, commit) })
		return
	}
	began := time.Now()
	err := s.Write(ctx, key, commit)
	own.latencies = append(own.latencies, time.Since(began))
	own.Writes++
	own.Trips += float64(f.trips.Load())
	switch {
	case err == nil:
		w.oracle.ack(key, f.write)
	case f.committed.Load() && errors.Is(err, errLost):
		own.Lost++
		w.pending.Add(1)
		time.AfterFunc(grace, func() {
			defer w.pending.Done()
			w.oracle.ack(key, f.write)
		})
	default:
		own.fail(err)
	}
	w.oracle.end(key)
}

// wrong returns how many records at rest are not what the database holds, in any process.
func (w *workload) wrong(ctx context.Context) (int, error) {
	truth, err := w.db.writes(ctx, w.db.primary)
	if err != nil {
		return 0, err
	}
	var n atomic.Int64
	check, ctx := errgroup.WithContext(ctx)
	check.SetLimit(8)
	for key := range keys {
		check.Go(func() error {
			for _, s := range w.subjects {
				write, err := s.Read(ctx, key)
				if err != nil {
					return err
				}
				if write != truth[key] {
					n.Add(1)
					break
				}
			}
			return nil
		})
	}
	err = check.Wait()
	return int(n.Load()), err
}

// percentile returns the p-th of sorted times.
func percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]
}

func sortTimes(times []time.Duration) []time.Duration {
	slices.Sort(times)
	return times
}
