package adapter

import "context"

// Locker is a lock across processes. One stands for a process.
type Locker interface {
	Lock(ctx context.Context, key string) (unlock func() error, err error)
	Close() error
}

// LockLibrary is a library of locks.
type LockLibrary struct {
	Name, Module string

	Reference bool
	New       func(Config) (Locker, error)
}

// Locks are the libraries of locks, in the order in which they are reported.
func Locks() []LockLibrary {
	return []LockLibrary{cachetLock, redislockLock, redsyncLock, rueidislockLock, rueidislockDefaults}
}
