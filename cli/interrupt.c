/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* interrupt.c - Ctrl-C and SIGTERM cancel; a second one ends the process.
 *
 * The signals are blocked in every thread and awaited by one of their own,
 * where, unlike in a handler, a GCancellable may be cancelled.
 */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "cli.h"

typedef struct
{
  sigset_t      signals;
  GCancellable *cancellable;
} Watch;

static gpointer
watch_thread (gpointer data)
{
  Watch *watch = data;
  int    number;

  if (sigwait (&watch->signals, &number) != 0)
    return NULL;
  g_cancellable_cancel (watch->cancellable);
  if (sigwait (&watch->signals, &number) != 0)
    return NULL;
  signal (number, SIG_DFL);
  pthread_sigmask (SIG_UNBLOCK, &watch->signals, NULL);
  kill (getpid (), number);
  return NULL;
}

/* A shell starts background jobs with SIGINT ignored: so it stays then. */
static void
add_unless_ignored (sigset_t *set, int number)
{
  struct sigaction now;

  if (sigaction (number, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
    sigaddset (set, number);
}

GCancellable *
cli_interrupt_init (void)
{
  Watch *watch = g_new0 (Watch, 1);

  watch->cancellable = g_cancellable_new ();
  sigemptyset (&watch->signals);
  add_unless_ignored (&watch->signals, SIGINT);
  add_unless_ignored (&watch->signals, SIGTERM);
  pthread_sigmask (SIG_BLOCK, &watch->signals, NULL);
  /* without the thread the signals end the process at once, as usual */
  if (! g_thread_try_new ("signals", watch_thread, watch, NULL))
    pthread_sigmask (SIG_UNBLOCK, &watch->signals, NULL);
  return watch->cancellable;
}
