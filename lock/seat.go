package lock

import (
	"context"
	"slices"
)

// sit waits for the seat of name, whose owner alone may ask for the lock.
func (l *Keeper) sit(waiting context.Context, name string, try bool) error {
	if err := waiting.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	queue, taken := l.seats[name]
	if taken && try {
		l.mu.Unlock()
		return ErrHeld
	}
	turn := make(chan struct{})
	if taken {
		l.seats[name] = append(queue, turn)
	} else {
		l.seats[name] = nil
		close(turn)
	}
	l.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-waiting.Done():
	}
	l.mu.Lock()
	i := slices.Index(l.seats[name], turn)
	if i >= 0 {
		l.seats[name] = slices.Delete(l.seats[name], i, i+1)
	}
	l.mu.Unlock()
	if i < 0 { // it has just become ours
		l.rise(name)
	}
	return waiting.Err()
}

// rise passes the seat on.
func (l *Keeper) rise(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue := l.seats[name]
	if len(queue) == 0 {
		delete(l.seats, name)
		return
	}
	close(queue[0])
	l.seats[name] = queue[1:]
}
