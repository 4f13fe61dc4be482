package kafkabus

import "sync"

// door lets callers in until it is shut, and then can wait for those inside.
type door struct {
	mu     sync.Mutex
	shut   bool           // guarded by mu
	inside sync.WaitGroup // grows under mu, and not once shut
}

// enter reports whether the caller is let in. If so, inside.Done is to be called.
func (d *door) enter() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut {
		return false
	}
	d.inside.Add(1)
	return true
}

// close lets nobody in any more. The channel is closed when all have left.
func (d *door) close() (empty <-chan struct{}) {
	d.mu.Lock()
	d.shut = true
	d.mu.Unlock()
	left := make(chan struct{})
	go func() { d.inside.Wait(); close(left) }()
	return left
}
