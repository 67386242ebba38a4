# The job of the yardstick as an expert writes it in R: draws and counts for a whole trial at once,
# the score and Wald tests of a stratum from one call of survival's fitting function, Fisher's test
# from the hypergeometric distribution. Prints trials per second of processor time.
#
# Rscript endpoints.R [TRIALS]
suppressPackageStartupMessages(library(survival))

told <- commandArgs(trailingOnly = TRUE)
trials <- if (length(told)) as.integer(told[1]) else 2000L
patients <- 105L
rates <- matrix(c(0.50, 0.15, 0.25, 0.25), 2)
means <- matrix(c(14.6, 11.3, 8.2, 12.7), 2) / log(2)
ratios <- list(c(0L, 0L, 1L), c(0L, 1L))
control <- coxph.control()

# Arms of the first n patients of a stratum, in blocks of one or two times the ratio.
blocks <- function(n, ratio) {
  arms <- integer(0)
  while (length(arms) < n) {
    arms <- c(arms, sample(rep(ratio, sample.int(2L, 1L))))
  }
  arms[seq_len(n)]
}

fisher <- function(x1, n1, x2, n2) {
  events <- x1 + x2
  tables <- dhyper(max(0, events - n2):min(n1, events), n1, n2, events)
  sum(tables[tables <= dhyper(x1, n1, n2, events) * (1 + 1e-7)])
}

chi_square <- function(x1, n1, x2, n2) {
  events <- x1 + x2
  total <- n1 + n2
  margins <- as.numeric(n1) * n2 * events * (total - events)
  if (margins == 0) return(1)
  pchisq(total * (x1 * (n2 - x2) - x2 * (n1 - x1))^2 / margins, 1, lower.tail = FALSE)
}

# The log-rank test is the score test of the model without ties; Wald's test comes with it.
compare <- function(time, event, arm) {
  if (length(unique(arm)) < 2L || !any(event)) return(c(NA_real_, NA_real_))
  fit <- coxph.fit(
    matrix(as.numeric(arm)), Surv(time, event), NULL, NULL, NULL, control, NULL, "efron", NULL,
    resid = FALSE
  )
  pchisq(c(fit$score, fit$coefficients^2 / fit$var), 1, lower.tail = FALSE)
}

one <- function() {
  odds <- 0.57 / 0.43 * exp(0.2 * rnorm(1))
  status <- 1L + (runif(patients) >= odds / (1 + odds))
  arm <- integer(patients)
  for (stratum in 1:2) {
    mine <- which(status == stratum)
    arm[mine] <- blocks(length(mine), ratios[[stratum]])
  }
  cell <- cbind(status, arm + 1L)
  response <- runif(patients) < rates[cell]
  latent <- rexp(patients) * means[cell]
  watched <- 51 - 33 * runif(patients)
  time <- pmin(latent, watched)
  event <- latent <= watched
  first <- arm == 0L & status == 1L
  second <- arm == 0L & status == 2L
  counts <- c(sum(response[first]), sum(first), sum(response[second]), sum(second))
  tests <- unlist(lapply(1:2, function(stratum) {
    mine <- status == stratum
    compare(time[mine], event[mine], arm[mine])
  }))
  c(do.call(fisher, as.list(counts)), do.call(chi_square, as.list(counts)), tests)
}

set.seed(1)
invisible(one())
begin <- proc.time()
found <- suppressWarnings(vapply(seq_len(trials), function(trial) one(), numeric(6)))
spent <- sum((proc.time() - begin)[c("user.self", "sys.self")])
cat(trials / spent, "\n")
cat(rowMeans(found <= 0.05, na.rm = TRUE), "\n")
