/* CHOLMOD behind a few plain functions: its parameters live in a large struct whose layout only its own header knows. */

#include <cholmod.h>
#include <stdlib.h>
#include <string.h>

struct session {
    cholmod_common common;
    cholmod_sparse *matrix;
    cholmod_factor *factor;
    cholmod_dense *right_hand_side, *solution, *work, *more_work;
};

enum form { SIMPLICIAL_LDL, SIMPLICIAL_LL, SUPERNODAL_LL };

/* Errors come back as values. */
static void ignore(int status, const char *file, int line, const char *message)
{
    (void)status, (void)file, (void)line, (void)message;
}

void bench_cholmod_close(struct session *s)
{
    if (!s)
        return;
    cholmod_free_sparse(&s->matrix, &s->common);
    cholmod_free_factor(&s->factor, &s->common);
    cholmod_free_dense(&s->right_hand_side, &s->common);
    cholmod_free_dense(&s->solution, &s->common);
    cholmod_free_dense(&s->work, &s->common);
    cholmod_free_dense(&s->more_work, &s->common);
    cholmod_finish(&s->common);
    free(s);
}

/* Takes a copy of the lower triangle in compressed columns; keeps it, or its transpose if `upper`, since CHOLMOD's speed depends on which. */
struct session *bench_cholmod_open(int unknowns, const int *starts, const int *rows, const double *values, const double *right_hand_side,
                                   int upper)
{
    struct session *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    cholmod_start(&s->common);
    s->common.error_handler = ignore;
    s->matrix = cholmod_allocate_sparse(unknowns, unknowns, starts[unknowns], 1, 1, -1, CHOLMOD_REAL, &s->common);
    s->right_hand_side = cholmod_allocate_dense(unknowns, 1, unknowns, CHOLMOD_REAL, &s->common);
    if (!s->matrix || !s->right_hand_side) {
        bench_cholmod_close(s);
        return NULL;
    }
    memcpy(s->matrix->p, starts, (unknowns + 1) * sizeof *starts);
    memcpy(s->matrix->i, rows, starts[unknowns] * sizeof *rows);
    memcpy(s->matrix->x, values, starts[unknowns] * sizeof *values);
    memcpy(s->right_hand_side->x, right_hand_side, unknowns * sizeof *right_hand_side);
    if (upper) {
        cholmod_sparse *transposed = cholmod_transpose(s->matrix, 1, &s->common);
        cholmod_free_sparse(&s->matrix, &s->common);
        s->matrix = transposed;
    }
    if (!s->matrix) {
        bench_cholmod_close(s);
        return NULL;
    }
    return s;
}

/* Orders and analyses. Returns zero if this build of CHOLMOD can't do it in that form. */
int bench_cholmod_analyse(struct session *s, int ordering, enum form form)
{
    s->common.nmethods = 1;
    s->common.method[0].ordering = ordering;
    s->common.postorder = 1;
    s->common.supernodal = form == SUPERNODAL_LL ? CHOLMOD_SUPERNODAL : CHOLMOD_SIMPLICIAL;
    s->common.final_ll = form != SIMPLICIAL_LDL;
    s->factor = cholmod_analyze(s->matrix, &s->common);
    return s->factor != NULL && s->common.status == CHOLMOD_OK && s->factor->ordering == ordering;
}

/* What is timed: the numeric factorisation and both triangular solves, into memory that is kept. Returns zero if it fails. */
int bench_cholmod_factorise_and_solve(struct session *s)
{
    return cholmod_factorize(s->matrix, s->factor, &s->common) && s->common.status == CHOLMOD_OK &&
           cholmod_solve2(CHOLMOD_A, s->factor, s->right_hand_side, NULL, &s->solution, NULL, &s->work, &s->more_work, &s->common);
}

/* The last solution, one entry for each unknown; lives until the next one. */
const double *bench_cholmod_solution(const struct session *s)
{
    return s->solution ? s->solution->x : NULL;
}

const int bench_cholmod_orderings[] = {CHOLMOD_AMD, CHOLMOD_COLAMD, CHOLMOD_METIS, CHOLMOD_NESDIS};
