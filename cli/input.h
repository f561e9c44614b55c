/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* input.h - pictures from files. */
#ifndef DIF_CLI_INPUT_H
#define DIF_CLI_INPUT_H

#include "dif.h"

G_BEGIN_DECLS

/* Reads a picture in any format gdk-pixbuf knows, turned upright and without
 * its alpha channel, as diffusers' load_image does.  Errors: GDK_PIXBUF_ERROR
 * and G_FILE_ERROR with the path; DIF_FORMAT_ERROR TOO_LARGE. */
DifImage *cli_input_image (const char *path, GError **error);

G_END_DECLS

#endif /* DIF_CLI_INPUT_H */
