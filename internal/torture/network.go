package torture

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/cachet-go/cachet/store"
)

// network is a store at the end of a line that now and then holds up a request or a reply. The windows that it
// opens are those between the execution of a command and the news of it.
type network struct {
	store.Store
	share float64 // of the operations that are held up
	most  time.Duration
}

func (n network) delay() {
	if rand.Float64() < n.share {
		time.Sleep(rand.N(n.most))
	}
}

func (n network) Lease(ctx context.Context, asks ...store.Ask) []store.Grant {
	n.delay()
	defer n.delay()
	return n.Store.Lease(ctx, asks...)
}

func (n network) Fill(ctx context.Context, fills ...store.Fill) []store.Verdict {
	n.delay()
	defer n.delay()
	return n.Store.Fill(ctx, fills...)
}

func (n network) Release(ctx context.Context, failed bool, held ...store.Held) error {
	n.delay()
	return n.Store.Release(ctx, failed, held...)
}
